// Q4_K, Q5_K and Q6_K: blocks of 256 weights whose parts have whole scales under a common one,
// specified to the bit.
//
// All numbers are binary64, every operation is rounded by itself, to nearest, ties to even; sums
// begin at 0 and go through the elements in their order. round(v) is the nearest integer, ties to
// even; v is first brought within the bounds given in brackets. f16(v) is v rounded to f32 and that
// to f16. c / 10 is a division.
//
// Q4_K (n = 15) and Q5_K (n = 31): x is near d·a·q - dmin·b. Eight parts of 32; of each part:
//   low = the least of x and 0;  high = the greatest of x and low;
//   where high = low: s = 0, m = low; else
//   w = |x| + sqrt(Σ x·x / 32);  W = Σ w;  X = Σ w·x;
//   first, s = (high - low) / n, m = low, with q = round[0, n](n / (high - low) · (x - low));
//   then for c = 0 … 20, with q = round[0, n](((n - 1) + c / 10) / (high - low) · (x - low)):
//     A = Σ w·q;  B = Σ (w·q)·q;  C = Σ (w·q)·x;  D = W·B - A·A;  passed over unless D > 0;
//     s = (W·C - X·A) / D;  m = (B·X - A·C) / D;  where m > 0: m = 0, s = C / B;
//     taken where E = Σ w·(e·e), e = (s·q + m) - x, is less than that of the one held.
//   S, M = the greatest s, -m of the parts, at least 0;  d = f16(S / 63);  dmin = f16(M / 63);
//   a = round[0, 63](63·s / S), 0 where S = 0;  b = round[0, 63](63·(-m) / M), 0 where M = 0;
//   q = round[0, n]((x + dmin·b) / (d·a)), 0 where d·a = 0.
//   Stored: d, dmin (f16); a and b of six bits in 12 bytes; for Q5_K the fifth bits of q in 32
//   bytes; the low four bits of q in 128 bytes.
//
// Q6_K: x is near d·a·q. Sixteen parts of 16; of each part:
//   m = the x of largest |x|, the first of equals, with its sign;  s = 0 where m = 0; else
//   for c = -9 … 9, with q = round[-32, 31](-((32 + c / 10) / m) · x):
//     P = Σ ((x·x)·x)·q;  Q = Σ ((x·x)·q)·q;  passed over unless Q > 0;
//     s = P / Q where (P·P) / Q is greater than that of the one held, which is 0 at first.
//   S = the s of largest |s|, the first of equals;  d = f16(S / -128);
//   a = round[-128, 127](-128·s / S), 0 where S = 0;
//   q = round[-32, 31](x / (d·a)), 0 where d·a = 0.
//   Stored: the low four bits of q + 32 in 128 bytes, its high two in 64, a (signed) in 16, d
//   (f16).
//
// How the bits lie is GGUF's: see quantize_k.cpp. Refused (rules::quantize_row): a row that is no
// whole number of blocks or does not fit `out`, a value that is not finite, a scale beyond f16.
// Pure functions.
#pragma once

#include <span>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/tensor_type.h"

namespace attest::model {

inline constexpr std::size_t k_block_elements = 256;

Status quantize_q4_k(std::span<const float> row, std::span<std::byte> out);
Status quantize_q5_k(std::span<const float> row, std::span<std::byte> out);
Status quantize_q6_k(std::span<const float> row, std::span<std::byte> out);

}  // namespace attest::model
