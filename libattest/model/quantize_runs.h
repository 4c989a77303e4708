// Q8_0 and Q4_0: runs of 32 weights with one scale, specified to the bit.
//
// All numbers are f32, every operation is rounded by itself, to nearest, ties to even.
//
//   Q8_0  m = the largest |x|;  d = m / 127;  i = 127 / m;  both 0 where m < 2^-100;
//         q = x * i rounded to an integer, ties to even, which lies within -127 … 127.
//         A run is the scale (2 bytes, little-endian) and 32 signed bytes.
//   Q4_0  m = the x of largest |x|, the first of equals, with its sign;  d = m / -8;  i = 1 / d;
//         both 0 where |m| < 2^-100;
//         q = the integer below x * i + 8.5, at most 15.
//         A run is the scale and 16 bytes: x 0 … 15 in the low halves, x 16 … 31 in the high ones.
//   The stored scale is d rounded to f16, ties to even.
//
// Refused (rules::quantize_row): a row that is no whole number of runs or does not fit `out`, a
// value that is not finite, a scale beyond f16. Pure functions.
#pragma once

#include <span>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::model {

inline constexpr std::size_t run_elements = 32;
inline constexpr std::size_t q8_0_run_bytes = 34;
inline constexpr std::size_t q4_0_run_bytes = 18;

Status quantize_q8_0(std::span<const float> row, std::span<std::byte> out);
Status quantize_q4_0(std::span<const float> row, std::span<std::byte> out);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule quantize_row{"model.quantize.row"};
}  // namespace attest::rules
