// Algorithm identifiers of the TPM (TCG Algorithm Registry; TPM 2.0 Part 2, table 9), as far as
// this project knows them. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "libattest/crypto/digest.h"

namespace attest::tpm {

using AlgorithmId = std::uint16_t;

inline constexpr AlgorithmId alg_rsa = 0x0001;
inline constexpr AlgorithmId alg_sha1 = 0x0004;
inline constexpr AlgorithmId alg_aes = 0x0006;
inline constexpr AlgorithmId alg_sha256 = 0x000b;
inline constexpr AlgorithmId alg_sha384 = 0x000c;
inline constexpr AlgorithmId alg_sha512 = 0x000d;
inline constexpr AlgorithmId alg_null = 0x0010;
inline constexpr AlgorithmId alg_rsassa = 0x0014;
inline constexpr AlgorithmId alg_rsaes = 0x0015;
inline constexpr AlgorithmId alg_rsapss = 0x0016;
inline constexpr AlgorithmId alg_oaep = 0x0017;
inline constexpr AlgorithmId alg_ecdsa = 0x0018;
inline constexpr AlgorithmId alg_ecdh = 0x0019;
inline constexpr AlgorithmId alg_ecc = 0x0023;
inline constexpr AlgorithmId alg_cfb = 0x0043;

// hash_of gives the digest a TPM identifier names, or nothing for one we do not compute (SM3,
// SHA-3).
std::optional<HashAlgorithm> hash_of(AlgorithmId id);
AlgorithmId id_of(HashAlgorithm hash);

}  // namespace attest::tpm
