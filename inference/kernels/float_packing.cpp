#include <bit>
#include <cmath>

#include "inference/kernels/unit_packing.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

using Byte = std::uint8_t;
using Eights = std::uint16_t __attribute__((vector_size(16)));

// Singles counts as not finite what has all bits of its exponent.
bool pack_f32(Rows rows, std::size_t columns, Byte* weights, Byte* /*scales*/) {
  constexpr std::uint32_t exponent = 0x7f800000;
  const Fours all = {exponent, exponent, exponent, exponent};
  Fours infinite = {};
  const std::size_t whole = columns / 4 * 4;
  to_lines(rows, 4 * whole, [&](std::size_t line, std::size_t row, Fours fours) {
    infinite |= static_cast<Fours>((fours & all) == all);
    std::memcpy(weights + 64 * line + 4 * row, &fours, sizeof fours);
  });
  bool finite = (infinite[0] | infinite[1] | infinite[2] | infinite[3]) == 0;
  for (std::size_t k = whole; k < columns; ++k)
    for (std::size_t row = 0; row < panel_rows; ++row) {
      std::memcpy(weights + 64 * k + 4 * row, rows[row] + 4 * k, 4);
      float value;
      std::memcpy(&value, rows[row] + 4 * k, sizeof value);
      finite = finite && std::isfinite(value);
    }
  return finite;
}

float f32_at(const Byte* weights, const Byte* /*scales*/, std::size_t lane, std::size_t) {
  float value;
  std::memcpy(&value, weights + 4 * lane, sizeof value);
  return value;
}

// Two-byte floats: a line of fours holds two columns of all rows, which are taken apart.
template <std::uint16_t exponent>
bool pack_two_bytes(Rows rows, std::size_t columns, Byte* weights, Byte* /*scales*/) {
  const Eights all = {exponent, exponent, exponent, exponent,
                      exponent, exponent, exponent, exponent};
  Eights infinite = {};
  const std::size_t whole = columns / 8 * 8;
  to_lines(rows, 2 * whole, [&](std::size_t line, std::size_t row, Fours fours) {
    const auto eights = std::bit_cast<Eights>(fours);
    infinite |= static_cast<Eights>((eights & all) == all);
    const Eights apart = __builtin_shufflevector(eights, eights, 0, 2, 4, 6, 1, 3, 5, 7);
    Byte* const to = weights + 64 * line + 2 * row;
    std::memcpy(to, &apart, 8);
    std::memcpy(to + 32, reinterpret_cast<const Byte*>(&apart) + 8, 8);
  });
  bool finite = true;
  for (std::size_t i = 0; i < 8; ++i) finite = finite && infinite[i] == 0;
  for (std::size_t k = whole; k < columns; ++k)
    for (std::size_t row = 0; row < panel_rows; ++row) {
      std::uint16_t value;
      std::memcpy(&value, rows[row] + 2 * k, sizeof value);
      std::memcpy(weights + 32 * k + 2 * row, &value, sizeof value);
      finite = finite && (value & exponent) != exponent;
    }
  return finite;
}

float f16_at(const Byte* weights, const Byte* /*scales*/, std::size_t lane, std::size_t) {
  return model::f32_from_f16(
      static_cast<std::uint16_t>(weights[2 * lane] | weights[2 * lane + 1] << 8));
}

float bf16_at(const Byte* weights, const Byte* /*scales*/, std::size_t lane, std::size_t) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(weights[2 * lane]) << 16 |
                              static_cast<std::uint32_t>(weights[2 * lane + 1]) << 24);
}

}  // namespace

const UnitPacking f32_packing{pack_f32, f32_at};
const UnitPacking f16_packing{pack_two_bytes<0x7c00>, f16_at};
const UnitPacking bf16_packing{pack_two_bytes<0x7f80>, bf16_at};

}  // namespace attest::inference
