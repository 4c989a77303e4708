#include "libattest/model/half.h"

#include <bit>

namespace attest::model {

float f32_from_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1f;
  const std::uint32_t fraction = half & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  // A subnormal half is fraction * 2^-24, which a float holds exactly.
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
  return sign != 0 ? -magnitude : magnitude;
}

std::uint16_t f16_from_f32(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000U) {
    half = 0x7e00U;  // NaN
  } else if (magnitude >= 0x477ff000U) {
    half = 0x7c00U;  // from 65,520 on the nearest half is infinity
  } else if (magnitude >= 0x38800000U) {
    const std::uint32_t rebased = magnitude - (112U << 23);
    half = (rebased + 0xfffU + ((rebased >> 13) & 1U)) >> 13;
  } else if (magnitude > 0x33000000U) {
    // Below 2^-14: whole units of 2^-24, the rest rounded to even.
    const std::uint32_t shift = 126U - (magnitude >> 23);
    const std::uint32_t fraction = (magnitude & 0x7fffffU) | 0x800000U;
    const std::uint32_t below_half = (1U << (shift - 1U)) - 1U;
    half = (fraction + below_half + ((fraction >> shift) & 1U)) >> shift;
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace attest::model
