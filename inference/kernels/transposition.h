// Sixteen rows side by side into lines of panels: what lies together in a row comes to lie apart,
// what lies below one another comes together. Written over vectors of sixteen bytes, which every
// processor has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "inference/kernels/kernels.h"

namespace attest::inference {

// Rows is panel_rows rows of a file, each `stride` bytes behind the one before.
struct Rows {
  const std::uint8_t* first;
  std::size_t stride;

  const std::uint8_t* operator[](std::size_t row) const { return first + row * stride; }
  Rows behind(std::size_t bytes) const { return {first + bytes, stride}; }
};

// Fours is four times four bytes.
using Fours = std::uint32_t __attribute__((vector_size(16)));

inline Fours load_fours(const std::uint8_t* at) {
  Fours fours;
  std::memcpy(&fours, at, sizeof fours);
  return fours;
}

// to_lines takes `bytes` bytes of each row, a multiple of sixteen, in fours: the fours number i of
// all rows are line i, 64 bytes, in the order of the rows. `put` stores a vector of four rows.
template <typename Put>
inline void to_lines(Rows rows, std::size_t bytes, Put put) {
  for (std::size_t row = 0; row < panel_rows; row += 4)
    for (std::size_t i = 0; i < bytes; i += 16) {
      const Fours a = load_fours(rows[row] + i);
      const Fours b = load_fours(rows[row + 1] + i);
      const Fours c = load_fours(rows[row + 2] + i);
      const Fours d = load_fours(rows[row + 3] + i);
      const Fours ab_first = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      const Fours ab_last = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Fours cd_first = __builtin_shufflevector(c, d, 0, 4, 1, 5);
      const Fours cd_last = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      const std::size_t line = i / 4;
      put(line, row, __builtin_shufflevector(ab_first, cd_first, 0, 1, 4, 5));
      put(line + 1, row, __builtin_shufflevector(ab_first, cd_first, 2, 3, 6, 7));
      put(line + 2, row, __builtin_shufflevector(ab_last, cd_last, 0, 1, 4, 5));
      put(line + 3, row, __builtin_shufflevector(ab_last, cd_last, 2, 3, 6, 7));
    }
}

// spread is to_lines into memory; every byte is XORed with `flip`.
inline void spread(Rows rows, std::size_t bytes, std::uint8_t* lines, std::uint8_t flip = 0) {
  const std::uint32_t four_flips = 0x01010101U * flip;
  const Fours flips = {four_flips, four_flips, four_flips, four_flips};
  to_lines(rows, bytes, [&](std::size_t line, std::size_t row, Fours fours) {
    fours ^= flips;
    std::memcpy(lines + 64 * line + 4 * row, &fours, sizeof fours);
  });
}

// halves_at copies a two-byte float of each row; false where one is not finite.
inline bool halves_at(Rows rows, std::uint8_t* to) {
  bool finite = true;
  for (std::size_t row = 0; row < panel_rows; ++row) {
    std::memcpy(to + 2 * row, rows[row], 2);
    finite = finite && (rows[row][1] & 0x7cU) != 0x7cU;
  }
  return finite;
}

}  // namespace attest::inference
