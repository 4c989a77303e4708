#include "libattest/model/stored_float.h"

#include <bit>
#include <cmath>

#include "libattest/model/half.h"

namespace attest::model {

namespace {

std::uint16_t bf16_from_f32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace

std::optional<TensorType> float_type(std::string_view dtype) {
  for (const TensorType type : {TensorType::f32, TensorType::f16, TensorType::bf16})
    if (dtype == to_string(type)) return type;
  return std::nullopt;
}

bool is_float(TensorType type) {
  return type == TensorType::f32 || type == TensorType::f16 || type == TensorType::bf16;
}

std::size_t float_width(TensorType type) {
  return type == TensorType::f32 ? 4 : 2;
}

float float_at(TensorType type, ByteView data, std::size_t index) {
  const ByteView bytes = data.subspan(index * float_width(type), float_width(type));
  std::uint32_t bits = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    bits = bits << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  if (type == TensorType::f32) return std::bit_cast<float>(bits);
  if (type == TensorType::bf16) return std::bit_cast<float>(bits << 16);
  return f32_from_f16(static_cast<std::uint16_t>(bits));
}

std::vector<float> floats_of(TensorType type, ByteView data) {
  std::vector<float> floats(data.size() / float_width(type));
  for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = float_at(type, data, i);
  return floats;
}

bool append_float(Bytes& to, TensorType type, float value) {
  if (!std::isfinite(value)) return false;
  if (type == TensorType::f32) {
    append_u32_le(to, std::bit_cast<std::uint32_t>(value));
    return true;
  }
  const bool brain = type == TensorType::bf16;
  const std::uint16_t stored = brain ? bf16_from_f32(value) : f16_from_f32(value);
  const std::uint16_t exponent = brain ? 0x7f80 : 0x7c00;
  if ((stored & exponent) == exponent) return false;
  append_u16_le(to, stored);
  return true;
}

}  // namespace attest::model
