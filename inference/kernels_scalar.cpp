#include <cmath>

#include "inference/exact.h"
#include "inference/kernels.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

template <typename Weight, typename Widen>
void panel_of_floats(const Weight* panel, std::size_t columns, FloatInput x, PanelOutput y,
                     Widen widen) {
  for (std::size_t t = 0; t < x.count; ++t) {
    for (std::size_t row = 0; row < panel_rows; ++row) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < columns; ++k)
        sum = exact::step(sum, widen(panel[k * panel_rows + row]), x.values[t * x.stride + k]);
      y.values[t * y.stride + row] = sum;
    }
  }
}

void panel_f32(const float* panel, std::size_t columns, FloatInput x, PanelOutput y) {
  panel_of_floats(panel, columns, x, y, [](float weight) { return weight; });
}

void panel_f16(const std::uint16_t* panel, std::size_t columns, FloatInput x, PanelOutput y) {
  panel_of_floats(panel, columns, x, y, model::f32_from_f16);
}

float scale_of_row(const std::uint8_t* run, std::size_t row) {
  return model::f32_from_f16(static_cast<std::uint16_t>(run[2 * row] | run[2 * row + 1] << 8));
}

std::int32_t products(const std::uint8_t* run, std::size_t row, const std::int8_t* q) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < exact::run; ++k) {
    const std::size_t at = 2 * panel_rows + k / 4 * 4 * panel_rows + 4 * row + k % 4;
    sum += (run[at] - 128) * q[k];
  }
  return sum;
}

void panel_q8_0(const std::uint8_t* panel, QuantisedInput x, PanelOutput y) {
  for (std::size_t t = 0; t < x.count; ++t) {
    for (std::size_t row = 0; row < panel_rows; ++row) {
      float sum = 0.0F;
      for (std::size_t r = 0; r < x.runs; ++r) {
        const std::uint8_t* run = panel + r * q8_0_panel_run_bytes;
        const std::size_t at = t * x.runs + r;
        sum = exact::step(sum, products(run, row, x.values + at * exact::run),
                          scale_of_row(run, row), x.scales[at]);
      }
      y.values[t * y.stride + row] = sum;
    }
  }
}

}  // namespace

const Kernels& scalar_kernels() {
  static constexpr Kernels kernels{"scalar",   panel_f32,  panel_f16,
                                   panel_q8_0, exact::dot, exact::add_scaled};
  return kernels;
}

const Kernels& best_kernels() {
  if (const Kernels* kernels = avx512_kernels()) return *kernels;
  if (const Kernels* kernels = avx2_kernels()) return *kernels;
  return scalar_kernels();
}

}  // namespace attest::inference
