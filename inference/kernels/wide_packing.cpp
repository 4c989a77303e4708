#include "inference/kernels/wide_packing.h"

#include <array>
#include <bit>
#include <cstring>

#include "inference/kernels/exact.h"
#include "libattest/model/half.h"

namespace attest::inference::wide {

namespace {

using Byte = std::uint8_t;
using Run = std::array<Byte, exact::run>;

bool is_finite_half(const Byte* at) {
  return (at[1] & 0x7c) != 0x7c;
}

float half_at(const Byte* at) {
  return model::f32_from_f16(static_cast<std::uint16_t>(at[0] | at[1] << 8));
}

void copy_fours(const Byte* from, std::size_t count, Byte* groups, std::size_t lane) {
  for (std::size_t i = 0; i < count; i += 4) std::memcpy(groups + 16 * i + 4 * lane, from + i, 4);
}

Byte byte_at(const Byte* groups, std::size_t lane, std::size_t k) {
  return groups[64 * (k / 4) + 4 * lane + k % 4];
}

Run nibbles(const Byte* from) {
  Run weights{};
  for (std::size_t k = 0; k < 16; ++k) {
    weights[k] = from[k] & 15;
    weights[k + 16] = from[k] >> 4;
  }
  return weights;
}

// five_bits reads the u32 of fifth bits and the nibbles behind it.
Run five_bits(const Byte* from) {
  Run weights = nibbles(from + 4);
  for (std::size_t k = 0; k < exact::run; ++k)
    weights[k] = static_cast<Byte>(weights[k] | (from[k / 8] >> (k % 8) & 1) << 4);
  return weights;
}

// d, m and weights above them.
bool pack_above(const Byte* from, const Run& weights, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  std::memcpy(to + 32 + 2 * lane, from + 2, 2);
  copy_fours(weights.data(), weights.size(), to + 64, lane);
  return is_finite_half(from) && is_finite_half(from + 2);
}

// GGUF's twelve bytes of eight scales and minimums of six bits, as in Q4_K.
struct SixBits {
  Byte scale;
  Byte minimum;
};
SixBits six_bits(const Byte* packed, std::size_t part) {
  const auto bits = [&](std::size_t i) { return static_cast<unsigned>(packed[i]); };
  if (part < 4)
    return {static_cast<Byte>(bits(part) & 63U), static_cast<Byte>(bits(part + 4) & 63U)};
  return {static_cast<Byte>((bits(part + 4) & 15U) | bits(part - 4) >> 6U << 4U),
          static_cast<Byte>(bits(part + 4) >> 4U | bits(part) >> 6U << 4U)};
}

}  // namespace

bool pack_q4_1(const Byte* from, Byte* to, std::size_t lane) {
  return pack_above(from, nibbles(from + 4), to, lane);
}

bool pack_q5_1(const Byte* from, Byte* to, std::size_t lane) {
  return pack_above(from, five_bits(from + 4), to, lane);
}

float q5_1_at(const Byte* unit, std::size_t lane, std::size_t k) {
  return exact::weight_above(half_at(unit + 2 * lane), byte_at(unit + 64, lane, k),
                             half_at(unit + 32 + 2 * lane));
}

// In the form of Q8_0: the weight and 128.
bool pack_q5_0(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  Run weights = five_bits(from + 2);
  for (Byte& weight : weights) weight = static_cast<Byte>(weight + 128 - 16);
  copy_fours(weights.data(), weights.size(), to + 32, lane);
  return is_finite_half(from);
}

bool pack_mxfp4(const Byte* from, Byte* to, std::size_t lane) {
  constexpr std::array<Byte, 16> plus_128 = {128, 129, 130, 131, 132, 134, 136, 140,
                                             128, 127, 126, 125, 124, 122, 120, 116};
  // 2^(exponent - 128): the two smallest are subnormal.
  const unsigned exponent = from[0];
  const std::uint32_t bits = exponent >= 2 ? (exponent - 1) << 23U : 0x200000U << exponent;
  std::memcpy(to + 4 * lane, &bits, sizeof bits);
  Run weights = nibbles(from + 1);
  for (Byte& weight : weights) weight = plus_128[weight];
  copy_fours(weights.data(), weights.size(), to + 64, lane);
  return exponent != 255;
}

float mxfp4_at(const Byte* unit, std::size_t lane, std::size_t k) {
  float scale;
  std::memcpy(&scale, unit + 4 * lane, sizeof scale);
  return exact::weight(scale, byte_at(unit + 64, lane, k) - 128);
}

bool pack_q5_k(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  std::memcpy(to + 32 + 2 * lane, from + 2, 2);
  Byte* const scales = to + 64;
  Byte* const minimums = scales + 128;
  const Byte* const high = from + 16;
  const Byte* const low = high + 32;
  for (std::size_t part = 0; part < 8; ++part) {
    const SixBits packed = six_bits(from + 4, part);
    scales[16 * part + lane] = packed.scale;
    minimums[32 * (part / 2) + 2 * lane + part % 2] = packed.minimum;
    Run weights{};
    for (std::size_t k = 0; k < exact::run; ++k) {
      const Byte pair = low[32 * (part / 2) + k];
      const int nibble = part % 2 == 0 ? pair & 15 : pair >> 4;
      weights[k] = static_cast<Byte>(nibble | (high[k] >> part & 1) << 4);
    }
    copy_fours(weights.data(), weights.size(), minimums + 128 + 512 * part, lane);
  }
  return is_finite_half(from) && is_finite_half(from + 2);
}

float q5_k_at(const Byte* unit, std::size_t lane, std::size_t k) {
  const std::size_t part = k / 32;
  const Byte* const minimums = unit + 64 + 128;
  return exact::weight(half_at(unit + 2 * lane), unit[64 + 16 * part + lane],
                       byte_at(minimums + 128 + 512 * part, lane, k % 32),
                       half_at(unit + 32 + 2 * lane),
                       minimums[32 * (part / 2) + 2 * lane + part % 2]);
}

}  // namespace attest::inference::wide
