#include "libattest/model/blake3.h"

#include <algorithm>
#include <bit>

namespace attest::model {

namespace {

using Words = std::array<std::uint32_t, 8>;
using Block = std::array<std::uint32_t, 16>;

constexpr std::size_t block_size = 64;
constexpr std::size_t blocks_per_chunk = 16;
constexpr std::uint32_t chunk_start = 1, chunk_end = 2, parent = 4, root = 8;

constexpr Words initial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::array<std::size_t, 16> permutation{2, 6,  3,  10, 7, 0,  4,  13,
                                                  1, 11, 12, 5,  9, 14, 15, 8};

void mix(Block& state, std::size_t a, std::size_t b, std::size_t c, std::size_t d, std::uint32_t x,
         std::uint32_t y) {
  state[a] += state[b] + x;
  state[d] = std::rotr(state[d] ^ state[a], 16);
  state[c] += state[d];
  state[b] = std::rotr(state[b] ^ state[c], 12);
  state[a] += state[b] + y;
  state[d] = std::rotr(state[d] ^ state[a], 8);
  state[c] += state[d];
  state[b] = std::rotr(state[b] ^ state[c], 7);
}

// compress gives the first eight words of the output (section 2.2).
Words compress(const Words& value, Block message, std::uint64_t counter, std::size_t length,
               std::uint32_t flags) {
  Block state{value[0],
              value[1],
              value[2],
              value[3],
              value[4],
              value[5],
              value[6],
              value[7],
              initial[0],
              initial[1],
              initial[2],
              initial[3],
              static_cast<std::uint32_t>(counter),
              static_cast<std::uint32_t>(counter >> 32),
              static_cast<std::uint32_t>(length),
              flags};
  for (int round = 0; round < 7; ++round) {
    for (std::size_t i = 0; i < 4; ++i)
      mix(state, i, 4 + i, 8 + i, 12 + i, message[2 * i], message[2 * i + 1]);
    for (std::size_t i = 0; i < 4; ++i)
      mix(state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, message[8 + 2 * i],
          message[9 + 2 * i]);
    Block permuted;
    for (std::size_t i = 0; i < 16; ++i) permuted[i] = message[permutation[i]];
    message = permuted;
  }
  Words output;
  for (std::size_t i = 0; i < 8; ++i) output[i] = state[i] ^ state[i + 8];
  return output;
}

Block words_of(const std::array<std::byte, block_size>& bytes) {
  Block words{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    words[i / 4] |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * (i % 4));
  return words;
}

Block joined(const Words& left, const Words& right) {
  Block words;
  std::ranges::copy(left, words.begin());
  std::ranges::copy(right, words.begin() + 8);
  return words;
}

}  // namespace

Blake3::Chunk Blake3::fresh_chunk(std::uint64_t counter) {
  return {.chaining_value = initial, .counter = counter};
}

// A whole subtree of 2^k chunks is joined as soon as its right half is there: as many joins as the
// number of chunks has zero bits at its end.
void Blake3::add_chunk(Words value, std::uint64_t chunks) {
  for (; (chunks & 1) == 0; chunks >>= 1) {
    value = compress(initial, joined(stack_.back(), value), 0, block_size, parent);
    stack_.pop_back();
  }
  stack_.push_back(value);
}

void Blake3::update(ByteView bytes) {
  while (!bytes.empty()) {
    if (chunk_.block_length == block_size) {
      // More is to come, so this block is not the last of all.
      const bool last = chunk_.blocks_done + 1 == blocks_per_chunk;
      const std::uint32_t flags =
          (chunk_.blocks_done == 0 ? chunk_start : 0) | (last ? chunk_end : 0);
      chunk_.chaining_value = compress(chunk_.chaining_value, words_of(chunk_.block),
                                       chunk_.counter, block_size, flags);
      ++chunk_.blocks_done;
      chunk_.block = {};
      chunk_.block_length = 0;
      if (last) {
        add_chunk(chunk_.chaining_value, chunk_.counter + 1);
        chunk_ = fresh_chunk(chunk_.counter + 1);
      }
    }
    const std::size_t taken = std::min(bytes.size(), block_size - chunk_.block_length);
    std::ranges::copy(bytes.first(taken),
                      chunk_.block.begin() + static_cast<std::ptrdiff_t>(chunk_.block_length));
    chunk_.block_length += taken;
    bytes = bytes.subspan(taken);
  }
}

std::array<std::byte, 32> Blake3::digest() const {
  const std::uint32_t flags = (chunk_.blocks_done == 0 ? chunk_start : 0) | chunk_end;
  Words value = compress(chunk_.chaining_value, words_of(chunk_.block), chunk_.counter,
                         chunk_.block_length, flags | (stack_.empty() ? root : 0));
  for (std::size_t i = stack_.size(); i-- > 0;)
    value =
        compress(initial, joined(stack_[i], value), 0, block_size, parent | (i == 0 ? root : 0));
  std::array<std::byte, 32> digest;
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::byte>(value[i / 4] >> (8 * (i % 4)));
  return digest;
}

}  // namespace attest::model
