#include "inference/kernels/exact.h"
#include "inference/kernels/unit_packing.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

using Byte = std::uint8_t;

float half_at(const Byte* at) {
  return model::f32_from_f16(static_cast<std::uint16_t>(at[0] | at[1] << 8));
}

// Scales of Q4_K and Q5_K: 16 d, 16 dmin, 8 parts x 16 scales, 4 pairs of parts x 16 x 2 minimums.
constexpr std::size_t part_scales = 64;
constexpr std::size_t part_minimums = part_scales + 128;

// GGUF packs eight scales and minimums of six bits into twelve bytes: the first four of each have
// their bits together, the others' high bits lie above those of the first. Here as four at once.
struct SixBits {
  std::uint32_t first;  // of parts 0 to 3, a byte each
  std::uint32_t last;   // of parts 4 to 7
};
struct PartScales {
  SixBits scales, minimums;
};
PartScales unpacked(const Byte* packed) {
  std::uint32_t a, b, c;
  std::memcpy(&a, packed, 4);
  std::memcpy(&b, packed + 4, 4);
  std::memcpy(&c, packed + 8, 4);
  constexpr std::uint32_t six = 0x3f3f3f3f;
  constexpr std::uint32_t four = 0x0f0f0f0f;
  constexpr std::uint32_t two = 0x03030303;
  return {{a & six, (c & four) | (a >> 6 & two) << 4},
          {b & six, (c >> 4 & four) | (b >> 6 & two) << 4}};
}

void put_part_scales(const PartScales& of_row, Byte* to, std::size_t lane) {
  for (std::size_t part = 0; part < 8; ++part) {
    const unsigned shift = part % 4 * 8;
    const auto byte_of = [&](const SixBits& bits) {
      return static_cast<Byte>((part < 4 ? bits.first : bits.last) >> shift);
    };
    to[part_scales + 16 * part + lane] = byte_of(of_row.scales);
    to[part_minimums + 32 * (part / 2) + 2 * lane + part % 2] = byte_of(of_row.minimums);
  }
}

// Q4_K, and Q5_K with 32 bytes of fifth bits before its nibbles.
template <bool fifth>
bool pack_with_minimums(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  constexpr PanelUnit unit = fifth ? q5_k_unit : q4_k_unit;
  bool finite = true;
  for (std::size_t i = 0; i < units; ++i) {
    const Rows block = rows.behind(i * (fifth ? 176 : 144));
    Byte* const to = weights + i * unit.weights;
    Byte* const scale = scales + i * unit.scales;
    spread(block.behind(fifth ? 48 : 16), 128, to);
    if (fifth) spread(block.behind(16), 32, to + 2048);
    finite = halves_at(block, scale) && finite;
    finite = halves_at(block.behind(2), scale + 32) && finite;
    for (std::size_t row = 0; row < panel_rows; ++row)
      put_part_scales(unpacked(block[row] + 4), scale, row);
  }
  return finite;
}

template <bool fifth>
float with_minimums_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  const std::size_t part = k / 32;
  const std::size_t at = 32 * (part / 2) + k % 32;
  const Byte pair = weights[64 * (at / 4) + 4 * lane + at % 4];
  int quant = part % 2 == 0 ? pair & 15 : pair >> 4;
  if (fifth) quant |= (weights[2048 + 64 * (k % 32 / 4) + 4 * lane + k % 4] >> part & 1) << 4;
  return exact::weight(half_at(scales + 2 * lane), scales[part_scales + 16 * part + lane], quant,
                       half_at(scales + 32 + 2 * lane),
                       scales[part_minimums + 32 * (part / 2) + 2 * lane + part % 2]);
}

// 128 bytes of low and 64 of high bits, 16 scales, d.
bool pack_q6_k(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  bool finite = true;
  for (std::size_t i = 0; i < units; ++i) {
    const Rows block = rows.behind(i * 210);
    Byte* const scale = scales + i * q6_k_unit.scales;
    spread(block, 192, weights + i * q6_k_unit.weights);
    finite = halves_at(block.behind(208), scale) && finite;
    for (std::size_t row = 0; row < panel_rows; ++row)
      for (std::size_t part = 0; part < 16; ++part)
        scale[32 + 16 * part + row] = block[row][192 + part];
  }
  return finite;
}

float q6_k_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  const std::size_t low = 64 * (k / 128) + k % 64;
  const std::size_t high = 32 * (k / 128) + k % 32;
  const int nibble = weights[64 * (low / 4) + 4 * lane + low % 4] >> (k % 128 < 64 ? 0 : 4);
  const int bits = weights[2048 + 64 * (high / 4) + 4 * lane + high % 4] >> (k % 128 / 32 * 2);
  return exact::weight(half_at(scales + 2 * lane),
                       static_cast<std::int8_t>(scales[32 + 16 * (k / 16) + lane]),
                       (nibble & 15) + (bits & 3) * 16 - 32);
}

}  // namespace

const UnitPacking q4_k_packing{pack_with_minimums<false>, with_minimums_at<false>};
const UnitPacking q5_k_packing{pack_with_minimums<true>, with_minimums_at<true>};
const UnitPacking q6_k_packing{pack_q6_k, q6_k_at};

}  // namespace attest::inference
