// The plain form of every kernel: one row, one vector, one number after the other.
#include <cmath>

#include "inference/kernels/exact.h"
#include "inference/kernels/kernels.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

float half_at(const std::uint8_t* at) {
  return model::f32_from_f16(static_cast<std::uint16_t>(at[0] | at[1] << 8));
}

// for_each_sum calls step(panel's data, vector, row, sum) for every row of every panel.
template <typename Step>
void for_each_sum(const Panels& panels, const Tile& x, const PanelOutput& y, Step step) {
  for (std::size_t p = 0; p < panels.count; ++p)
    for (std::size_t t = 0; t < x.count; ++t)
      for (std::size_t row = 0; row < panel_rows; ++row) {
        float& sum = y.values[t * y.stride + p * panel_rows + row];
        sum = step(panels.data + p * panels.stride, t, row, y.begins ? 0.0F : sum);
      }
}

float single_at(const std::uint8_t* at) {
  float value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}
float bfloat_at(const std::uint8_t* at) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(at[0]) << 16 |
                              static_cast<std::uint32_t>(at[1]) << 24);
}
float signed_byte_at(const std::uint8_t* at) {
  return static_cast<float>(static_cast<std::int8_t>(*at));
}

template <std::size_t bytes, float (*widened)(const std::uint8_t*)>
void floats(const Panels& panels, const Tile& x, std::size_t first, std::size_t units,
            const PanelOutput& y) {
  for_each_sum(panels, x, y,
               [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
                 for (std::size_t k = first; k < first + units; ++k)
                   sum = exact::step(sum, widened(panel + bytes * (k * panel_rows + row)),
                                     x.floats[t * x.stride + k]);
                 return sum;
               });
}

// dot is the sum of weight(k) * q[k] over `count` columns.
template <typename Weight>
std::int32_t dot(std::size_t count, const std::int8_t* q, Weight weight) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += weight(k) * q[k];
  return sum;
}

// Runs whose weights are weight(run's weights, row, column) and whose scale is scale(run's scales,
// row); where weights have a float m above them, it lies behind the scales.
template <PanelUnit unit, int (*weight)(const std::uint8_t*, std::size_t, std::size_t),
          float (*scale)(const std::uint8_t*, std::size_t), bool above>
void runs(const Panels& panels, const Tile& x, std::size_t first, std::size_t units,
          const PanelOutput& y) {
  for_each_sum(
      panels, x, y, [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
        for (std::size_t r = first; r < first + units; ++r) {
          const std::uint8_t* const run = panel + r * unit.weights;
          const std::uint8_t* const scales = panel + panels.scales + r * unit.scales;
          const std::size_t at = r * x.count + t;
          const std::int8_t* const q = x.values + at * exact::run;
          const auto of_row = [&](std::size_t k) { return weight(run, row, k); };
          sum = exact::step(sum, dot(exact::run, q, of_row), scale(scales, row), x.scales[at]);
          if (above)
            sum = exact::step(sum, dot(exact::run, q, [](std::size_t) { return 1; }),
                              half_at(scales + 32 + 2 * row), x.scales[at]);
        }
        return sum;
      });
}

int byte_weight(const std::uint8_t* run, std::size_t row, std::size_t k) {
  return run[64 * (k / 4) + 4 * row + k % 4] - 128;
}
int nibble(const std::uint8_t* run, std::size_t row, std::size_t k) {
  const std::uint8_t pair = run[64 * (k % 16 / 4) + 4 * row + k % 4];
  return k < 16 ? pair & 15 : pair >> 4;
}
int nibble_minus_8(const std::uint8_t* run, std::size_t row, std::size_t k) {
  return nibble(run, row, k) - 8;
}
int five_bits(const std::uint8_t* run, std::size_t row, std::size_t k) {
  return nibble(run, row, k) | (run[256 + 4 * row + k % 4] >> (k / 4) & 1) << 4;
}
int five_bits_minus_16(const std::uint8_t* run, std::size_t row, std::size_t k) {
  return five_bits(run, row, k) - 16;
}
int fp4(const std::uint8_t* run, std::size_t row, std::size_t k) {
  return exact::fp4_weights[static_cast<std::size_t>(nibble(run, row, k))];
}

float half_scale(const std::uint8_t* scales, std::size_t row) {
  return half_at(scales + 2 * row);
}
float exponent_scale(const std::uint8_t* scales, std::size_t row) {
  return exact::power_of_exponent(scales[row]);
}

// Q4_K, and Q5_K with a fifth bit.
template <PanelUnit unit, bool fifth>
void with_minimums(const Panels& panels, const Tile& x, std::size_t first, std::size_t units,
                   const PanelOutput& y) {
  for_each_sum(
      panels, x, y, [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
        for (std::size_t b = first; b < first + units; ++b) {
          const std::uint8_t* const quants = panel + b * unit.weights;
          const std::uint8_t* const scales = panel + panels.scales + b * unit.scales;
          const std::uint8_t* const minimums = scales + 192;
          float joined = 0.0F;
          std::int32_t minimum_sum = 0;
          for (std::size_t part = 0; part < 8; ++part) {
            const std::int8_t* const q = x.values + ((b * 8 + part) * x.count + t) * exact::run;
            const auto weight = [&](std::size_t k) -> int {
              const std::uint8_t pair = quants[64 * (part / 2 * 8 + k / 4) + 4 * row + k % 4];
              const int four = part % 2 == 0 ? pair & 15 : pair >> 4;
              if (!fifth) return four;
              return four | (quants[2048 + 64 * (k / 4) + 4 * row + k % 4] >> part & 1) << 4;
            };
            joined = exact::join(joined, dot(exact::run, q, weight), scales[64 + 16 * part + row]);
            minimum_sum += minimums[32 * (part / 2) + 2 * row + part % 2] *
                           dot(exact::run, q, [](std::size_t) { return 1; });
          }
          const float scale = x.scales[b * x.count + t];
          sum = exact::step_joined(sum, joined, half_at(scales + 2 * row), scale);
          sum = exact::step_minimums(sum, minimum_sum, half_at(scales + 32 + 2 * row), scale);
        }
        return sum;
      });
}

void q6_k(const Panels& panels, const Tile& x, std::size_t first, std::size_t units,
          const PanelOutput& y) {
  for_each_sum(
      panels, x, y, [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
        for (std::size_t b = first; b < first + units; ++b) {
          const std::uint8_t* const low = panel + b * q6_k_unit.weights;
          const std::uint8_t* const high = low + 2048;
          const std::uint8_t* const d = panel + panels.scales + b * q6_k_unit.scales;
          const std::uint8_t* const scales = d + 32;
          float joined = 0.0F;
          for (std::size_t part = 0; part < 16; ++part) {
            const auto weight = [&](std::size_t i) {
              const std::size_t k = 16 * part + i;
              const std::size_t half = k / 128;
              const std::size_t ql = 64 * half + k % 64;
              const std::size_t qh = 32 * half + k % 32;
              const int four = low[64 * (ql / 4) + 4 * row + ql % 4] >> (k % 128 < 64 ? 0 : 4);
              const int two = high[64 * (qh / 4) + 4 * row + qh % 4] >> (k % 128 / 32 * 2);
              return (four & 15) + (two & 3) * 16 - 32;
            };
            const std::size_t at = (b * 8 + part / 2) * x.count + t;
            const std::int8_t* const q = x.values + at * exact::run + part % 2 * 16;
            joined = exact::join(joined, dot(16, q, weight),
                                 static_cast<std::int8_t>(scales[16 * part + row]));
          }
          sum = exact::step_joined(sum, joined, half_at(d + 2 * row), x.scales[b * x.count + t]);
        }
        return sum;
      });
}

float quantise_run(const float* x, std::int8_t* q) {
  return exact::quantise_run(std::span<const float, exact::run>(x, exact::run),
                             std::span<std::int8_t, exact::run>(q, exact::run));
}

float quantise_block(const float* x, std::int8_t* q) {
  return exact::quantise_block(std::span<const float, exact::block>(x, exact::block),
                               std::span<std::int8_t, exact::block>(q, exact::block));
}

void rms_norm(const float* x, const float* weight, std::size_t count, float epsilon, float* y) {
  exact::rms_norm({x, count}, {weight, count}, epsilon, {y, count});
}

float softmax_numerators(float* scores, std::size_t count) {
  return exact::softmax_numerators({scores, count});
}

void silu_times(float* gate, const float* up, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) gate[i] = exact::silu(gate[i]) * up[i];
}

}  // namespace

const Kernels& scalar_kernels() {
  static constexpr Kernels kernels{"scalar",
                                   floats<4, single_at>,
                                   floats<2, half_at>,
                                   floats<2, bfloat_at>,
                                   floats<1, signed_byte_at>,
                                   runs<q8_0_unit, byte_weight, half_scale, false>,
                                   runs<q4_0_unit, nibble_minus_8, half_scale, false>,
                                   runs<q4_1_unit, nibble, half_scale, true>,
                                   runs<q5_0_unit, five_bits_minus_16, half_scale, false>,
                                   runs<q5_1_unit, five_bits, half_scale, true>,
                                   runs<mxfp4_unit, fp4, exponent_scale, false>,
                                   with_minimums<q4_k_unit, false>,
                                   with_minimums<q5_k_unit, true>,
                                   q6_k,
                                   quantise_run,
                                   quantise_block,
                                   rms_norm,
                                   softmax_numerators,
                                   silu_times};
  return kernels;
}

const Kernels& best_kernels() {
  static const Kernels* const best = [] {
    for (const Kernels* each : {avx512_vnni_kernels(), avx512_kernels(), avx2_kernels()})
      if (each) return each;
    return &scalar_kernels();
  }();
  return *best;
}

}  // namespace attest::inference
