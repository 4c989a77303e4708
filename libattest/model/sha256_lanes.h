// SHA-256 (FIPS 180-4) of many blocks of one size at once: what a Merkle tree's leaves are.
//
// Several independent blocks fill the lanes of one wide register, so that one core hashes leaves
// faster than any single stream. All kernels give the same digests; which one runs is a matter of
// speed alone. Pure functions.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "libattest/crypto/digest.h"

namespace attest::model {

enum class Sha256Kernel {
  reference,  // plain C++, one block after the other
  sha_ni,     // x86's SHA instructions, one block after the other
  avx2,       // 8 lanes
  avx512,     // 16 lanes
};

std::string_view to_string(Sha256Kernel kernel);
// usable_kernels gives those this processor can run, the fastest for many blocks last.
std::vector<Sha256Kernel> usable_kernels();

// sha256_blocks hashes digests.size() blocks of `block_size` bytes that lie one behind the other in
// `data`, which must have exactly that size. block_size is a multiple of 64, at least 64.
// The kernel must be usable on this processor.
void sha256_blocks(ByteView data, std::size_t block_size, std::span<Sha256> digests,
                   Sha256Kernel kernel);
void sha256_blocks(ByteView data, std::size_t block_size, std::span<Sha256> digests);

}  // namespace attest::model
