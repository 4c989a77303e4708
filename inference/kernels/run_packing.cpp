#include <array>

#include "inference/kernels/exact.h"
#include "inference/kernels/unit_packing.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

using Byte = std::uint8_t;

float half_at(const Byte* at) {
  return model::f32_from_f16(static_cast<std::uint16_t>(at[0] | at[1] << 8));
}

// Weight k where low nibbles are columns 0 to 15 and high nibbles those 16 further.
int nibble_at(const Byte* weights, std::size_t lane, std::size_t k) {
  const Byte pair = weights[64 * (k % 16 / 4) + 4 * lane + k % 4];
  return k < 16 ? pair & 15 : pair >> 4;
}

// each_unit calls pack(rows of the unit, its weights, its scales) for every run.
template <typename Pack>
bool each_unit(Rows rows, std::size_t units, std::size_t file_bytes, PanelUnit in_panel,
               Byte* weights, Byte* scales, Pack pack) {
  bool finite = true;
  for (std::size_t i = 0; i < units; ++i)
    finite = pack(rows.behind(i * file_bytes), weights + i * in_panel.weights,
                  scales + i * in_panel.scales) &&
             finite;
  return finite;
}

bool pack_q8_0(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  return each_unit(rows, units, 34, q8_0_unit, weights, scales,
                   [](Rows run, Byte* to, Byte* scale) {
                     spread(run.behind(2), 32, to, 0x80);
                     return halves_at(run, scale);
                   });
}

float q8_0_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  return exact::weight(half_at(scales + 2 * lane), weights[64 * (k / 4) + 4 * lane + k % 4] - 128);
}

bool pack_q4_0(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  return each_unit(rows, units, 18, q4_0_unit, weights, scales,
                   [](Rows run, Byte* to, Byte* scale) {
                     spread(run.behind(2), 16, to);
                     return halves_at(run, scale);
                   });
}

float q4_0_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  return exact::weight(half_at(scales + 2 * lane), nibble_at(weights, lane, k) - 8);
}

bool pack_q4_1(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  return each_unit(rows, units, 20, q4_1_unit, weights, scales,
                   [](Rows run, Byte* to, Byte* scale) {
                     spread(run.behind(4), 16, to);
                     const bool finite = halves_at(run, scale);
                     return halves_at(run.behind(2), scale + 32) && finite;
                   });
}

float q4_1_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  return exact::weight_above(half_at(scales + 2 * lane), nibble_at(weights, lane, k),
                             half_at(scales + 32 + 2 * lane));
}

// swap exchanges bits of `mask` with those `distance` above them.
std::uint32_t swap(std::uint32_t bits, std::uint32_t mask, unsigned distance) {
  const std::uint32_t differing = ((bits >> distance) ^ bits) & mask;
  return bits ^ differing ^ differing << distance;
}

// by_group has bit 4 g + j of a row's 32 fifth bits become bit 8 j + g: one byte for each j, which
// holds that column of all eight groups. The five bits of a place's number turn by two, and once is
// an unshuffle of the even from the odd.
std::uint32_t unshuffled(std::uint32_t bits) {
  bits = swap(bits, 0x22222222, 1);
  bits = swap(bits, 0x0c0c0c0c, 2);
  bits = swap(bits, 0x00f000f0, 4);
  return swap(bits, 0x0000ff00, 8);
}
std::uint32_t by_group(std::uint32_t bits) {
  return unshuffled(unshuffled(bits));
}

// A line of fifth bits: byte j of a row has that of column 4 g + j in bit g.
void spread_fifth_bits(Rows rows, Byte* line) {
  for (std::size_t row = 0; row < panel_rows; ++row) {
    std::uint32_t bits;
    std::memcpy(&bits, rows[row], sizeof bits);
    bits = by_group(bits);
    std::memcpy(line + 4 * row, &bits, sizeof bits);
  }
}

int five_bits_at(const Byte* weights, std::size_t lane, std::size_t k) {
  const int fifth = weights[256 + 4 * lane + k % 4] >> (k / 4) & 1;
  return nibble_at(weights, lane, k) | fifth << 4;
}

bool pack_q5_0(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  return each_unit(rows, units, 22, q5_0_unit, weights, scales,
                   [](Rows run, Byte* to, Byte* scale) {
                     spread(run.behind(6), 16, to);
                     spread_fifth_bits(run.behind(2), to + 256);
                     return halves_at(run, scale);
                   });
}

float q5_0_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  return exact::weight(half_at(scales + 2 * lane), five_bits_at(weights, lane, k) - 16);
}

bool pack_q5_1(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  return each_unit(rows, units, 24, q5_1_unit, weights, scales,
                   [](Rows run, Byte* to, Byte* scale) {
                     spread(run.behind(8), 16, to);
                     spread_fifth_bits(run.behind(4), to + 256);
                     const bool finite = halves_at(run, scale);
                     return halves_at(run.behind(2), scale + 32) && finite;
                   });
}

float q5_1_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  return exact::weight_above(half_at(scales + 2 * lane), five_bits_at(weights, lane, k),
                             half_at(scales + 32 + 2 * lane));
}

bool pack_mxfp4(Rows rows, std::size_t units, Byte* weights, Byte* scales) {
  return each_unit(rows, units, 17, mxfp4_unit, weights, scales,
                   [](Rows run, Byte* to, Byte* scale) {
                     spread(run.behind(1), 16, to);
                     bool finite = true;
                     for (std::size_t row = 0; row < panel_rows; ++row) {
                       scale[row] = run[row][0];
                       finite = finite && scale[row] != 255;
                     }
                     return finite;
                   });
}

float mxfp4_at(const Byte* weights, const Byte* scales, std::size_t lane, std::size_t k) {
  return exact::weight(exact::power_of_exponent(scales[lane]),
                       exact::fp4_weights[static_cast<std::size_t>(nibble_at(weights, lane, k))]);
}

}  // namespace

const UnitPacking q8_0_packing{pack_q8_0, q8_0_at};
const UnitPacking q4_0_packing{pack_q4_0, q4_0_at};
const UnitPacking q4_1_packing{pack_q4_1, q4_1_at};
const UnitPacking q5_0_packing{pack_q5_0, q5_0_at};
const UnitPacking q5_1_packing{pack_q5_1, q5_1_at};
const UnitPacking mxfp4_packing{pack_mxfp4, mxfp4_at};

}  // namespace attest::inference
