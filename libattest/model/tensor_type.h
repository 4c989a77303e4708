// Tensor types of GGUF: their numbers, names and block shapes. Constants only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "libattest/base/result.h"

namespace attest::model {

// TensorType has the numbers that GGUF files carry. 4, 5, 31-33 and 36-38 were removed from the
// format and are refused like numbers that never were.
enum class TensorType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q8_1 = 9,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  q8_k = 15,
  iq2_xxs = 16,
  iq2_xs = 17,
  iq3_xxs = 18,
  iq1_s = 19,
  iq4_nl = 20,
  iq3_s = 21,
  iq2_s = 22,
  iq4_xs = 23,
  i8 = 24,
  i16 = 25,
  i32 = 26,
  i64 = 27,
  f64 = 28,
  iq1_m = 29,
  bf16 = 30,
  tq1_0 = 34,
  tq2_0 = 35,
  mxfp4 = 39,
  nvfp4 = 40,
};

// TensorShape says how a row of this type is stored: runs of `block_elements` elements take
// `block_bytes` bytes each. A row is a whole number of blocks.
struct TensorShape {
  TensorType type;
  std::string_view name;
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
};

// tensor_shape gives nothing for a number that is no type (any more).
std::optional<TensorShape> tensor_shape(std::uint32_t number);
inline std::optional<TensorShape> tensor_shape(TensorType type) {
  return tensor_shape(static_cast<std::uint32_t>(type));
}
std::string_view to_string(TensorType type);

// tensor_bytes gives the size of a tensor with rows of `columns` elements; refused when a row is no
// whole number of blocks (rules::gguf_row) or the size does not fit 63 bits (rules::gguf_size).
Result<std::uint64_t> tensor_bytes(TensorType type, std::uint64_t columns, std::uint64_t rows);

}  // namespace attest::model
