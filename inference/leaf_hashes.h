// fs-verity leaf hashes of many blocks at once: what a load spends its time on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attest::inference {

constexpr std::size_t leaf_block = 4096;
constexpr std::size_t leaves_at_once = 16;

// leaf_hashes_avx512 gives SHA-256 of 16 blocks of 4,096 bytes that lie one behind the other, as 16
// x 32 bytes. Only where leaf_hashes_run_here(). This header has no inline functions, for the
// reason that kernels.h gives.
void leaf_hashes_avx512(const std::uint8_t* blocks, std::uint8_t* hashes);
bool leaf_hashes_run_here();

}  // namespace attest::inference
