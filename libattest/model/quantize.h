// Quantisation of weights, specified to the bit: the same source gives the same file everywhere, so
// that a quantised model's descent can be proven by doing it again.
//
// Q8_0, for each run of 32 elements x of a row:
//   m = the largest |x|;  d = m / 127 (f32);  i = 127 / m (f32), both 0 where m < 2^-100;
//   stored scale = d rounded to f16, ties to even;
//   q = x * i (f32) rounded to an integer, ties to even, which lies within -127 … 127.
// A run is stored as the scale (2 bytes, little-endian) and 32 signed bytes.
//
// A GGUF file is quantised by quantize_gguf thus:
//   - tensors of type F32, F16 or BF16 with two or more dimensions and rows of whole runs become
//     Q8_0; every other tensor is copied;
//   - key-values are copied in order, but general.file_type becomes 7 (u32) and
//     general.quantization_version 2 (u32); where absent they are added at the end, in this order;
//   - alignment, names, order and dimensions stay; version 3 is written.
#pragma once

#include <span>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::model {

inline constexpr std::size_t q8_0_run = 32;
inline constexpr std::size_t q8_0_run_bytes = 34;

// quantize_q8_0 writes row.size() / 32 runs to `out`, which must have exactly their size. A row
// that is no whole number of runs, holds a value that is not finite, or needs a scale beyond f16 is
// refused (rules::quantize_row).
Status quantize_q8_0(std::span<const float> row, std::span<std::byte> out);
// dequantize_q8_0 is scale * q in f32, exact but for that product's rounding.
void dequantize_q8_0(ByteView runs, std::span<float> row);

// quantize_gguf performs the edge "quantize" {"to": "q8_0"} on a whole file. The source is parsed
// strictly first.
Result<Bytes> quantize_gguf(ByteView source);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule quantize_row{"model.quantize.row"};
}  // namespace attest::rules
