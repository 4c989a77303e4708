// Rows of random weights in every type the profile covers, as GGUF stores them.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "libattest/model/half.h"
#include "libattest/model/quantize.h"
#include "libattest/model/tensor_type.h"
#include "tests/support/catch.h"

namespace attest::inference {

// Noise gives the same floats everywhere.
class Noise {
 public:
  explicit Noise(std::uint32_t state) : state_(state) {}
  float next() {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<std::int32_t>(state_ >> 8) - (1 << 23)) * 0x1p-24F;
  }
  std::vector<float> many(std::size_t count, float scale = 1.0F) {
    std::vector<float> values(count);
    for (float& value : values) value = next() * scale;
    return values;
  }
  std::byte byte() {
    next();
    return static_cast<std::byte>(state_ >> 24);
  }
  Bytes bytes(std::size_t count) {
    Bytes all(count);
    for (std::byte& each : all) each = byte();
    return all;
  }

 private:
  std::uint32_t state_;
};

// Blocks of a quantised type: random bits, and scales that give weights of about `scale`.
inline void add_random_block(Bytes& to, model::TensorType type, Noise& noise, float scale) {
  const auto half = [&](float value) { append_u16_le(to, model::f16_from_f32(value)); };
  const auto some = [&](std::size_t count) { append(to, noise.bytes(count)); };
  const float size = scale * (1.0F + noise.next());
  switch (type) {
    case model::TensorType::q8_0:
      half(size / 127);
      return some(32);
    case model::TensorType::q4_0:
      half(size / 8);
      return some(16);
    case model::TensorType::q4_1:
      half(size / 8);
      half(-size);
      return some(16);
    case model::TensorType::q5_0:
      half(size / 16);
      return some(4 + 16);
    case model::TensorType::q5_1:
      half(size / 16);
      half(-size);
      return some(4 + 16);
    case model::TensorType::mxfp4:
      append_u8(to, static_cast<std::uint8_t>(128 + std::ilogb(size / 12)));
      return some(16);
    case model::TensorType::q5_k:
      half(size / 31 / 63 * 2);
      half(size / 63);
      return some(12 + 32 + 128);
    case model::TensorType::q4_k:
      half(size / 15 / 63 * 2);
      half(size / 63);
      return some(12 + 128);
    case model::TensorType::q6_k:
      some(128 + 64 + 16);
      return half(size / 32 / 127);
    default:
      FAIL("no such type");
  }
}

inline Bytes random_weights(model::TensorType type, std::uint64_t count, Noise& noise,
                            float scale = 1.0F) {
  using model::TensorType;
  Bytes stored;
  if (type == TensorType::f32 || type == TensorType::f16 || type == TensorType::bf16) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const float value = noise.next() * scale;
      const auto bits = std::bit_cast<std::uint32_t>(value);
      if (type == TensorType::f32) append_u32_le(stored, bits);
      if (type == TensorType::f16) append_u16_le(stored, model::f16_from_f32(value));
      if (type == TensorType::bf16) append_u16_le(stored, static_cast<std::uint16_t>(bits >> 16));
    }
    return stored;
  }
  for (std::uint64_t i = 0; i < count; i += model::tensor_shape(type)->block_elements)
    add_random_block(stored, type, noise, scale);
  return stored;
}

inline constexpr model::TensorType all_weight_types[] = {
    model::TensorType::f32,  model::TensorType::f16,  model::TensorType::bf16,
    model::TensorType::q8_0, model::TensorType::q4_0, model::TensorType::q4_k,
    model::TensorType::q6_k, model::TensorType::q4_1, model::TensorType::q5_0,
    model::TensorType::q5_1, model::TensorType::q5_k, model::TensorType::mxfp4};

}  // namespace attest::inference
