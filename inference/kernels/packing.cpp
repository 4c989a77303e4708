#include "inference/kernels/packing.h"

#include <algorithm>
#include <array>

#include "inference/kernels/unit_packing.h"

namespace attest::inference {

namespace {

using model::TensorType;

constexpr auto packings = std::to_array<Packing>({
    {TensorType::f32, 1, 4, f32_unit, &Kernels::f32, &f32_packing},
    {TensorType::f16, 1, 2, f16_unit, &Kernels::f16, &f16_packing},
    {TensorType::bf16, 1, 2, f16_unit, &Kernels::bf16, &bf16_packing},
    {TensorType::q8_0, 32, 34, q8_0_unit, &Kernels::q8_0, &q8_0_packing},
    {TensorType::q4_0, 32, 18, q4_0_unit, &Kernels::q4_0, &q4_0_packing},
    {TensorType::q4_1, 32, 20, q4_1_unit, &Kernels::q4_1, &q4_1_packing},
    {TensorType::q5_0, 32, 22, q5_0_unit, &Kernels::q5_0, &q5_0_packing},
    {TensorType::q5_1, 32, 24, q5_1_unit, &Kernels::q5_1, &q5_1_packing},
    {TensorType::mxfp4, 32, 17, mxfp4_unit, &Kernels::mxfp4, &mxfp4_packing},
    {TensorType::q4_k, 256, 144, q4_k_unit, &Kernels::q4_k, &q4_k_packing},
    {TensorType::q5_k, 256, 176, q5_k_unit, &Kernels::q5_k, &q5_k_packing},
    {TensorType::q6_k, 256, 210, q6_k_unit, &Kernels::q6_k, &q6_k_packing},
});

Status not_finite() {
  return fail(refused(rules::matrix_not_finite, "a weight is not a finite number"));
}

}  // namespace

const Packing* find_packing(TensorType type) {
  const auto* const found = std::ranges::find(packings, type, &Packing::type);
  return found == packings.end() ? nullptr : found;
}

Status pack_panel(const Packing& packing, std::size_t units, ByteView rows, std::uint8_t* panel) {
  const std::size_t row_bytes = units * packing.unit_bytes;
  std::uint8_t* const scales = panel + packing.scales_at(units);
  const auto pack = [&](const std::byte* first) {
    const Rows from{reinterpret_cast<const std::uint8_t*>(first), row_bytes};
    return packing.of_unit->pack(from, units, panel, scales) ? Status() : not_finite();
  };
  if (rows.size() == panel_rows * row_bytes) return pack(rows.data());
  // The last rows of a matrix: those that are missing are zeros.
  Bytes padded(panel_rows * row_bytes);
  std::ranges::copy(rows, padded.begin());
  return pack(padded.data());
}

void unpack_row(const Packing& packing, std::size_t units, const std::uint8_t* panel,
                std::size_t lane, std::span<float> out) {
  const std::uint8_t* scales = panel + packing.scales_at(units);
  for (std::size_t k = 0; k < out.size(); k += packing.unit_columns) {
    for (std::size_t i = 0; i < packing.unit_columns; ++i)
      out[k + i] = packing.of_unit->at(panel, scales, lane, i);
    panel += packing.in_panel.weights;
    scales += packing.in_panel.scales;
  }
}

}  // namespace attest::inference
