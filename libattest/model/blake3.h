// BLAKE3 (the specification of January 2020, its hash mode with 32 bytes of output), portable. For
// one thread at a time; copying gives an independent state.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "libattest/base/bytes.h"

namespace attest::model {

class Blake3 {
 public:
  Blake3() = default;
  void update(ByteView bytes);
  // digest gives the hash of all that came so far; the state stays as it is.
  std::array<std::byte, 32> digest() const;

 private:
  using Words = std::array<std::uint32_t, 8>;
  struct Chunk {
    Words chaining_value;
    std::uint64_t counter = 0;
    std::array<std::byte, 64> block{};
    std::size_t block_length = 0;
    std::size_t blocks_done = 0;
  };
  static Chunk fresh_chunk(std::uint64_t counter);
  void add_chunk(Words value, std::uint64_t chunks);

  Chunk chunk_ = fresh_chunk(0);
  std::vector<Words> stack_;  // roots of whole subtrees, largest first; at most 54
};

}  // namespace attest::model
