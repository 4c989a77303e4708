#include "inference/kernels/packing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "inference/kernels/exact.h"
#include "inference/kernels/wide_packing.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

using model::TensorType;

constexpr auto packings = std::to_array<Packing>({
    {TensorType::f32, 1, 4, 64, &Kernels::f32},
    {TensorType::f16, 1, 2, 32, &Kernels::f16},
    {TensorType::bf16, 1, 2, 32, &Kernels::bf16},
    {TensorType::q8_0, 32, 34, q8_0_panel_run_bytes, &Kernels::q8_0},
    {TensorType::q4_0, 32, 18, q4_0_panel_run_bytes, &Kernels::q4_0},
    {TensorType::q4_k, 256, 144, q4_k_panel_block_bytes, &Kernels::q4_k},
    {TensorType::q6_k, 256, 210, q6_k_panel_block_bytes, &Kernels::q6_k},
    {TensorType::q5_k, 256, 176, q5_k_panel_block_bytes, &Kernels::q5_k},
    {TensorType::q4_1, 32, 20, q5_1_panel_run_bytes, &Kernels::q5_1},
    {TensorType::q5_0, 32, 22, q8_0_panel_run_bytes, &Kernels::q8_0},
    {TensorType::q5_1, 32, 24, q5_1_panel_run_bytes, &Kernels::q5_1},
    {TensorType::mxfp4, 32, 17, mxfp4_panel_run_bytes, &Kernels::mxfp4},
});

using Byte = std::uint8_t;

bool is_finite_half(const Byte* at) {
  return (at[1] & 0x7c) != 0x7c;
}

float half_at(const Byte* at) {
  return model::f32_from_f16(static_cast<std::uint16_t>(at[0] | at[1] << 8));
}

// copy_fours spreads `count` bytes of a row over groups of 16 rows x 4 bytes.
void copy_fours(const Byte* from, std::size_t count, Byte* groups, std::size_t lane) {
  for (std::size_t i = 0; i < count; i += 4) std::memcpy(groups + 16 * i + 4 * lane, from + i, 4);
}

// Each pack_… and …_at below is about one unit: packing it, and one weight of it.

bool pack_f32(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 4 * lane, from, 4);
  float value;
  std::memcpy(&value, from, sizeof value);
  return std::isfinite(value);
}

float f32_at(const Byte* unit, std::size_t lane, std::size_t) {
  float value;
  std::memcpy(&value, unit + 4 * lane, sizeof value);
  return value;
}

bool pack_f16(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  return is_finite_half(from);
}

float f16_at(const Byte* unit, std::size_t lane, std::size_t) {
  return half_at(unit + 2 * lane);
}

float bf16_at(const Byte* unit, std::size_t lane, std::size_t) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(unit[2 * lane]) << 16 |
                              static_cast<std::uint32_t>(unit[2 * lane + 1]) << 24);
}

bool pack_bf16(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  return std::isfinite(bf16_at(to, lane, 0));
}

bool pack_q8_0(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  std::array<Byte, exact::run> shifted{};
  for (std::size_t k = 0; k < exact::run; ++k) shifted[k] = from[2 + k] ^ 0x80U;
  copy_fours(shifted.data(), exact::run, to + 32, lane);
  return is_finite_half(from);
}

float q8_0_at(const Byte* unit, std::size_t lane, std::size_t k) {
  return exact::weight(half_at(unit + 2 * lane), unit[32 + 64 * (k / 4) + 4 * lane + k % 4] - 128);
}

bool pack_q4_0(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  copy_fours(from + 2, 16, to + 32, lane);
  return is_finite_half(from);
}

float q4_0_at(const Byte* unit, std::size_t lane, std::size_t k) {
  const Byte pair = unit[32 + 64 * (k % 16 / 4) + 4 * lane + k % 4];
  return exact::weight(half_at(unit + 2 * lane), (k < 16 ? pair & 15 : pair >> 4) - 8);
}

// GGUF packs eight scales and minimums of six bits into twelve bytes: the first four of each have
// their bits together, the others' high bits lie above those of the first.
bool pack_q4_k(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from, 2);
  std::memcpy(to + 32 + 2 * lane, from + 2, 2);
  const Byte* const packed = from + 4;
  Byte* const scales = to + 64;
  Byte* const minimums = scales + 128;
  for (std::size_t part = 0; part < 8; ++part) {
    const auto bits = [&](std::size_t i) { return static_cast<unsigned>(packed[i]); };
    const bool early = part < 4;
    const unsigned scale =
        early ? bits(part) & 63U : (bits(part + 4) & 15U) | bits(part - 4) >> 6U << 4U;
    const unsigned minimum =
        early ? bits(part + 4) & 63U : bits(part + 4) >> 4U | bits(part) >> 6U << 4U;
    scales[16 * part + lane] = static_cast<Byte>(scale);
    minimums[32 * (part / 2) + 2 * lane + part % 2] = static_cast<Byte>(minimum);
  }
  copy_fours(from + 16, 128, minimums + 128, lane);
  return is_finite_half(from) && is_finite_half(from + 2);
}

float q4_k_at(const Byte* unit, std::size_t lane, std::size_t k) {
  const std::size_t part = k / 32;
  const Byte* const scales = unit + 64;
  const Byte* const minimums = scales + 128;
  const std::size_t at = 32 * (part / 2) + k % 32;
  const Byte pair = minimums[128 + 64 * (at / 4) + 4 * lane + at % 4];
  return exact::weight(half_at(unit + 2 * lane), scales[16 * part + lane],
                       part % 2 == 0 ? pair & 15 : pair >> 4, half_at(unit + 32 + 2 * lane),
                       minimums[32 * (part / 2) + 2 * lane + part % 2]);
}

bool pack_q6_k(const Byte* from, Byte* to, std::size_t lane) {
  std::memcpy(to + 2 * lane, from + 208, 2);
  for (std::size_t part = 0; part < 16; ++part) to[32 + 16 * part + lane] = from[192 + part];
  copy_fours(from, 128, to + 288, lane);
  copy_fours(from + 128, 64, to + 288 + 2048, lane);
  return is_finite_half(from + 208);
}

float q6_k_at(const Byte* unit, std::size_t lane, std::size_t k) {
  const std::size_t low = 64 * (k / 128) + k % 64;
  const std::size_t high = 32 * (k / 128) + k % 32;
  const int nibble = unit[288 + 64 * (low / 4) + 4 * lane + low % 4] >> (k % 128 < 64 ? 0 : 4);
  const int bits = unit[288 + 2048 + 64 * (high / 4) + 4 * lane + high % 4] >> (k % 128 / 32 * 2);
  return exact::weight(half_at(unit + 2 * lane),
                       static_cast<std::int8_t>(unit[32 + 16 * (k / 16) + lane]),
                       (nibble & 15) + (bits & 3) * 16 - 32);
}

using PackUnit = bool (*)(const Byte* from, Byte* to, std::size_t lane);
using WeightAt = float (*)(const Byte* unit, std::size_t lane, std::size_t k);

struct UnitCode {
  PackUnit pack;
  WeightAt at;
};

UnitCode code_of(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return {pack_f32, f32_at};
    case TensorType::f16:
      return {pack_f16, f16_at};
    case TensorType::bf16:
      return {pack_bf16, bf16_at};
    case TensorType::q8_0:
      return {pack_q8_0, q8_0_at};
    case TensorType::q4_0:
      return {pack_q4_0, q4_0_at};
    case TensorType::q4_k:
      return {pack_q4_k, q4_k_at};
    case TensorType::q5_k:
      return {wide::pack_q5_k, wide::q5_k_at};
    case TensorType::q4_1:
      return {wide::pack_q4_1, wide::q5_1_at};
    case TensorType::q5_0:
      return {wide::pack_q5_0, q8_0_at};
    case TensorType::q5_1:
      return {wide::pack_q5_1, wide::q5_1_at};
    case TensorType::mxfp4:
      return {wide::pack_mxfp4, wide::mxfp4_at};
    default:
      return {pack_q6_k, q6_k_at};
  }
}

}  // namespace

const Packing* find_packing(TensorType type) {
  const auto* const found = std::ranges::find(packings, type, &Packing::type);
  return found == packings.end() ? nullptr : found;
}

Status pack_row(const Packing& packing, ByteView row, std::uint8_t* panel, std::size_t lane) {
  const PackUnit pack = code_of(packing.type).pack;
  const auto* from = reinterpret_cast<const Byte*>(row.data());
  bool finite = true;
  for (const Byte* const end = from + row.size(); from < end; from += packing.unit_bytes) {
    finite = pack(from, panel, lane) && finite;
    panel += packing.panel_unit_bytes;
  }
  if (!finite) return fail(refused(rules::matrix_not_finite, "a weight is not a finite number"));
  return {};
}

void unpack_row(const Packing& packing, const std::uint8_t* panel, std::size_t lane,
                std::span<float> out) {
  const WeightAt at = code_of(packing.type).at;
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = at(panel + k / packing.unit_columns * packing.panel_unit_bytes, lane,
                k % packing.unit_columns);
}

}  // namespace attest::inference
