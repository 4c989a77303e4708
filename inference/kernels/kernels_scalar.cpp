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
void for_each_sum(Panels panels, const Tile& x, PanelOutput y, Step step) {
  for (std::size_t p = 0; p < panels.count; ++p)
    for (std::size_t t = 0; t < x.count; ++t)
      for (std::size_t row = 0; row < panel_rows; ++row) {
        float& sum = y.values[t * y.stride + p * panel_rows + row];
        sum = step(panels.data + p * panels.stride, t, row, y.begins ? 0.0F : sum);
      }
}

template <std::size_t bytes, typename Widen>
void floats(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y,
            Widen widen) {
  for_each_sum(panels, x, y,
               [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
                 for (std::size_t k = first; k < first + units; ++k)
                   sum = exact::step(sum, widen(panel + bytes * (k * panel_rows + row)),
                                     x.floats[t * x.stride + k]);
                 return sum;
               });
}

void f32(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  floats<4>(panels, x, first, units, y, [](const std::uint8_t* at) {
    float value;
    __builtin_memcpy(&value, at, sizeof value);
    return value;
  });
}

void f16(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  floats<2>(panels, x, first, units, y, half_at);
}

void bf16(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  floats<2>(panels, x, first, units, y, [](const std::uint8_t* at) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(at[0]) << 16 |
                                static_cast<std::uint32_t>(at[1]) << 24);
  });
}

// dot is the sum of weight(k) * q[k] over `count` columns.
template <typename Weight>
std::int32_t dot(std::size_t count, const std::int8_t* q, Weight weight) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += weight(k) * q[k];
  return sum;
}

float single_at(const std::uint8_t* at) {
  float value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}

// Signed bytes behind 16 scales of `scale_bytes` each.
template <std::size_t scale_bytes, typename Scale>
void signed_bytes(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y,
                  Scale scale_at) {
  constexpr std::size_t scales = scale_bytes * panel_rows;
  constexpr std::size_t run_bytes = scales + 8UL * 64;
  for_each_sum(panels, x, y,
               [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
                 for (std::size_t r = first; r < first + units; ++r) {
                   const std::uint8_t* const run = panel + r * run_bytes;
                   const auto weight = [&](std::size_t k) {
                     return run[scales + 64 * (k / 4) + 4 * row + k % 4] - 128;
                   };
                   const std::size_t at = r * x.count + t;
                   sum = exact::step(sum, dot(exact::run, x.values + at * exact::run, weight),
                                     scale_at(run + scale_bytes * row), x.scales[at]);
                 }
                 return sum;
               });
}

void q8_0(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  signed_bytes<2>(panels, x, first, units, y, half_at);
}

void mxfp4(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  signed_bytes<4>(panels, x, first, units, y, single_at);
}

void q5_1(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  for_each_sum(
      panels, x, y, [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
        for (std::size_t r = first; r < first + units; ++r) {
          const std::uint8_t* const run = panel + r * q5_1_panel_run_bytes;
          const auto weight = [&](std::size_t k) {
            return run[64 + 64 * (k / 4) + 4 * row + k % 4];
          };
          const std::size_t at = r * x.count + t;
          const std::int8_t* const q = x.values + at * exact::run;
          sum = exact::step(sum, dot(exact::run, q, weight), half_at(run + 2 * row), x.scales[at]);
          sum = exact::step(sum, dot(exact::run, q, [](std::size_t) { return 1; }),
                            half_at(run + 32 + 2 * row), x.scales[at]);
        }
        return sum;
      });
}

void q4_0(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  for_each_sum(panels, x, y,
               [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
                 for (std::size_t r = first; r < first + units; ++r) {
                   const std::uint8_t* const run = panel + r * q4_0_panel_run_bytes;
                   const auto weight = [&](std::size_t k) {
                     const std::uint8_t pair = run[32 + 64 * (k % 16 / 4) + 4 * row + k % 4];
                     return (k < 16 ? pair & 15 : pair >> 4) - 8;
                   };
                   const std::size_t at = r * x.count + t;
                   sum = exact::step(sum, dot(exact::run, x.values + at * exact::run, weight),
                                     half_at(run + 2 * row), x.scales[at]);
                 }
                 return sum;
               });
}

// Q4_K with nibbles, Q5_K with bytes.
template <bool nibbles>
void with_minimums(Panels panels, const Tile& x, std::size_t first, std::size_t units,
                   PanelOutput y) {
  constexpr std::size_t bytes = nibbles ? q4_k_panel_block_bytes : q5_k_panel_block_bytes;
  for_each_sum(
      panels, x, y, [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
        for (std::size_t b = first; b < first + units; ++b) {
          const std::uint8_t* const block = panel + b * bytes;
          const std::uint8_t* const scales = block + 64;
          const std::uint8_t* const minimums = scales + 128;
          const std::uint8_t* const quants = minimums + 128;
          float joined = 0.0F;
          std::int32_t minimum_sum = 0;
          for (std::size_t part = 0; part < 8; ++part) {
            const std::int8_t* const q = x.values + ((b * 8 + part) * x.count + t) * exact::run;
            const auto weight = [&](std::size_t k) -> int {
              if (!nibbles) return quants[64 * (part * 8 + k / 4) + 4 * row + k % 4];
              const std::uint8_t pair = quants[64 * (part / 2 * 8 + k / 4) + 4 * row + k % 4];
              return part % 2 == 0 ? pair & 15 : pair >> 4;
            };
            joined = exact::join(joined, dot(exact::run, q, weight), scales[16 * part + row]);
            minimum_sum += minimums[32 * (part / 2) + 2 * row + part % 2] *
                           dot(exact::run, q, [](std::size_t) { return 1; });
          }
          const float scale = x.scales[b * x.count + t];
          sum = exact::step_joined(sum, joined, half_at(block + 2 * row), scale);
          sum = exact::step_minimums(sum, minimum_sum, half_at(block + 32 + 2 * row), scale);
        }
        return sum;
      });
}

void q6_k(Panels panels, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
  for_each_sum(
      panels, x, y, [&](const std::uint8_t* panel, std::size_t t, std::size_t row, float sum) {
        for (std::size_t b = first; b < first + units; ++b) {
          const std::uint8_t* const block = panel + b * q6_k_panel_block_bytes;
          const std::uint8_t* const scales = block + 32;
          const std::uint8_t* const low = scales + 256;
          const std::uint8_t* const high = low + 2048;
          float joined = 0.0F;
          for (std::size_t part = 0; part < 16; ++part) {
            const auto weight = [&](std::size_t i) {
              const std::size_t k = 16 * part + i;
              const std::size_t half = k / 128;
              const std::size_t ql = 64 * half + k % 64;
              const std::size_t qh = 32 * half + k % 32;
              const int nibble = low[64 * (ql / 4) + 4 * row + ql % 4] >> (k % 128 < 64 ? 0 : 4);
              const int bits = high[64 * (qh / 4) + 4 * row + qh % 4] >> (k % 128 / 32 * 2);
              return (nibble & 15) + (bits & 3) * 16 - 32;
            };
            const std::size_t at = (b * 8 + part / 2) * x.count + t;
            const std::int8_t* const q = x.values + at * exact::run + part % 2 * 16;
            joined = exact::join(joined, dot(16, q, weight),
                                 static_cast<std::int8_t>(scales[16 * part + row]));
          }
          sum =
              exact::step_joined(sum, joined, half_at(block + 2 * row), x.scales[b * x.count + t]);
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
                                   f32,
                                   f16,
                                   bf16,
                                   q8_0,
                                   q4_0,
                                   with_minimums<true>,
                                   q6_k,
                                   with_minimums<false>,
                                   q5_1,
                                   mxfp4,
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
