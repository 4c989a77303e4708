// TPM public areas (TPM 2.0 Part 2 section 12.2.4, TPMT_PUBLIC): parsed, named, and judged fit to
// be an attestation key. Plain values; the parsed public key is shared and immutable.
#pragma once

#include <optional>
#include <string>

#include "libattest/base/bytes.h"
#include "libattest/crypto/public_key.h"
#include "libattest/tpm/algorithm.h"

namespace attest::tpm {

// TPMA_OBJECT bits (Part 2 section 8.3).
enum class KeyAttribute : std::uint32_t {
  fixed_tpm = 1U << 1,
  st_clear = 1U << 2,
  fixed_parent = 1U << 4,
  sensitive_data_origin = 1U << 5,
  user_with_auth = 1U << 6,
  admin_with_policy = 1U << 7,
  no_da = 1U << 10,
  encrypted_duplication = 1U << 11,
  restricted = 1U << 16,
  decrypt = 1U << 17,
  sign = 1U << 18,
  x509_sign = 1U << 19,
};

// KeyParameters is what TPMU_PUBLIC_PARMS says a key is for.
struct KeyParameters {
  AlgorithmId symmetric = alg_null;  // of storage keys; alg_aes or alg_null
  std::uint16_t symmetric_bits = 0;
  AlgorithmId symmetric_mode = alg_null;
  AlgorithmId scheme = alg_null;             // alg_rsassa, alg_rsapss, alg_ecdsa, … or alg_null
  std::optional<HashAlgorithm> scheme_hash;  // where the scheme has one
};

// UntrustedPublic is a public area whose form was checked; whoever sent it may have made it up.
struct UntrustedPublic {
  Bytes bytes;           // TPMT_PUBLIC as received: what the Name covers
  AlgorithmId type = 0;  // alg_rsa or alg_ecc
  HashAlgorithm name_algorithm = HashAlgorithm::sha256;
  std::uint32_t attributes = 0;  // TPMA_OBJECT
  Bytes auth_policy;
  KeyParameters parameters;
  PublicKey key;
  Bytes name;  // nameAlg ‖ H(bytes), computed (Part 1 section 16)

  bool has(KeyAttribute attribute) const {
    return (attributes & static_cast<std::uint32_t>(attribute)) != 0;
  }
};

// parse_public reads a TPMT_PUBLIC, parse_sized_public a TPM2B_PUBLIC; both refuse trailing bytes,
// reserved attribute bits, key kinds other than RSA and ECC P-256, P-384, P-521, and points off the
// curve. parse_any_public takes whichever of the two the bytes are.
Result<UntrustedPublic> parse_public(ByteView tpmt_public);
Result<UntrustedPublic> parse_sized_public(ByteView tpm2b_public);
Result<UntrustedPublic> parse_any_public(ByteView bytes);
// sized_public writes the TPM2B_PUBLIC of a public area.
Bytes sized_public(const UntrustedPublic& area);

// signature_scheme joins a TPM scheme (alg_rsassa, alg_rsapss, alg_ecdsa) and its hash.
SignatureScheme signature_scheme(AlgorithmId scheme, HashAlgorithm hash);

struct AkRules {
  bool allow_sha1 = false;  // a scheme with SHA-1, or a Name by SHA-1
};

// VerifiedAk is a public area fit to be an attestation key. That it lives in a genuine TPM is
// shown by credential activation (credential.h), not here.
class VerifiedAk {
 public:
  const UntrustedPublic& area() const { return area_; }
  const PublicKey& key() const { return area_.key; }
  const Bytes& name() const { return area_.name; }
  SignatureScheme scheme() const { return scheme_; }

 private:
  friend Result<VerifiedAk> verify_ak(UntrustedPublic, AkRules);
  VerifiedAk(UntrustedPublic area, SignatureScheme scheme)
      : area_(std::move(area)), scheme_(scheme) {}
  UntrustedPublic area_;
  SignatureScheme scheme_;
};

// verify_ak checks, in this order, that the key
//   - is restricted: a TPM signs with it only what the TPM itself made, so no TPMS_ATTEST can be
//     forged with TPM2_Sign;
//   - signs, and does not decrypt;
//   - is fixed to its TPM (fixedTPM) and to its parent (fixedParent);
//   - was made inside the TPM (sensitiveDataOrigin);
//   - has a signing scheme of its own: RSASSA, RSAPSS or ECDSA with SHA-256, SHA-384 or SHA-512;
//   - and is named by a hash other than SHA-1, unless allowed.
// Not checked: that any TPM holds it.
Result<VerifiedAk> verify_ak(UntrustedPublic area, AkRules rules = {});

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule public_form{"tpm.public.form"};
inline constexpr Rule public_unsupported{"tpm.public.unsupported"};
inline constexpr Rule ak_restricted{"tpm.ak.restricted"};
inline constexpr Rule ak_sign{"tpm.ak.sign"};
inline constexpr Rule ak_decrypt{"tpm.ak.decrypt"};
inline constexpr Rule ak_fixed_tpm{"tpm.ak.fixed-tpm"};
inline constexpr Rule ak_fixed_parent{"tpm.ak.fixed-parent"};
inline constexpr Rule ak_origin{"tpm.ak.sensitive-data-origin"};
inline constexpr Rule ak_scheme{"tpm.ak.scheme"};
inline constexpr Rule ak_sha1{"tpm.ak.sha1"};
}  // namespace attest::rules
