// AVX-512 with VNNI; compiled with those flags, entered only where the processor has them.
#include "inference/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)

#include <immintrin.h>

namespace attest::inference {

namespace {

constexpr std::size_t tile = 8;  // vectors that share one load of the weights

__m512 load(const float* at) {
  return _mm512_loadu_ps(at);
}
__m512 load(const std::uint16_t* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

template <std::size_t count, typename Weight>
void float_tile(const Weight* panel, std::size_t columns, const float* x, std::size_t x_stride,
                float* y, std::size_t y_stride) {
  __m512 sum[count];
  for (__m512& each : sum) each = _mm512_setzero_ps();
  for (std::size_t k = 0; k < columns; ++k) {
    const __m512 weight = load(panel + k * panel_rows);
    for (std::size_t t = 0; t < count; ++t)
      sum[t] = _mm512_fmadd_ps(weight, _mm512_set1_ps(x[t * x_stride + k]), sum[t]);
  }
  for (std::size_t t = 0; t < count; ++t) _mm512_storeu_ps(y + t * y_stride, sum[t]);
}

template <typename Weight>
void float_panel(const Weight* panel, std::size_t columns, FloatInput x, PanelOutput y) {
  std::size_t t = 0;
  for (; t + tile <= x.count; t += tile)
    float_tile<tile>(panel, columns, x.values + t * x.stride, x.stride, y.values + t * y.stride,
                     y.stride);
  for (; t < x.count; ++t)
    float_tile<1>(panel, columns, x.values + t * x.stride, x.stride, y.values + t * y.stride,
                  y.stride);
}

__m512i four_values(const std::int8_t* q) {
  std::int32_t packed;
  __builtin_memcpy(&packed, q, sizeof packed);
  return _mm512_set1_epi32(packed);
}

template <std::size_t count>
void q8_0_tile(const std::uint8_t* panel, QuantisedInput x, std::size_t first, PanelOutput y) {
  __m512 sum[count];
  for (__m512& each : sum) each = _mm512_setzero_ps();
  for (std::size_t r = 0; r < x.runs; ++r) {
    const std::uint8_t* run = panel + r * q8_0_panel_run_bytes;
    const __m512 scale = load(reinterpret_cast<const std::uint16_t*>(run));
    __m512i products[count];
    // Weights are stored with 128 added, which adds 128 times the sum of the activations.
    for (std::size_t t = 0; t < count; ++t)
      products[t] = _mm512_set1_epi32(-128 * x.sums[(first + t) * x.runs + r]);
    for (std::size_t group = 0; group < 8; ++group) {
      const __m512i weights = _mm512_loadu_si512(run + 2 * panel_rows + 64 * group);
      for (std::size_t t = 0; t < count; ++t)
        products[t] = _mm512_dpbusd_epi32(
            products[t], weights,
            four_values(x.values + ((first + t) * x.runs + r) * 32 + 4 * group));
    }
    for (std::size_t t = 0; t < count; ++t)
      sum[t] = _mm512_fmadd_ps(
          _mm512_cvtepi32_ps(products[t]),
          _mm512_mul_ps(scale, _mm512_set1_ps(x.scales[(first + t) * x.runs + r])), sum[t]);
  }
  for (std::size_t t = 0; t < count; ++t)
    _mm512_storeu_ps(y.values + (first + t) * y.stride, sum[t]);
}

void panel_q8_0(const std::uint8_t* panel, QuantisedInput x, PanelOutput y) {
  std::size_t t = 0;
  for (; t + tile <= x.count; t += tile) q8_0_tile<tile>(panel, x, t, y);
  for (; t < x.count; ++t) q8_0_tile<1>(panel, x, t, y);
}

float dot(const float* a, const float* b, std::size_t count) {
  __m512 sum = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16)
    sum = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum);
  if (i < count) {
    // mask3 leaves the lanes behind the end as they are: adding 0 would turn a -0 into 0.
    const auto there = static_cast<__mmask16>((1U << (count - i)) - 1U);
    sum = _mm512_mask3_fmadd_ps(_mm512_maskz_loadu_ps(there, a + i),
                                _mm512_maskz_loadu_ps(there, b + i), sum, there);
  }
  const __m256 eight =
      _mm256_add_ps(_mm512_castps512_ps256(sum),
                    _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sum), 1)));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

void add_scaled(float* to, float factor, const float* v, std::size_t count) {
  const __m512 factors = _mm512_set1_ps(factor);
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm512_storeu_ps(to + i,
                     _mm512_fmadd_ps(factors, _mm512_loadu_ps(v + i), _mm512_loadu_ps(to + i)));
  for (; i < count; ++i) to[i] = __builtin_fmaf(factor, v[i], to[i]);
}

}  // namespace

const Kernels* avx512_kernels() {
  static constexpr Kernels kernels{
      "avx512", float_panel<float>, float_panel<std::uint16_t>, panel_q8_0, dot, add_scaled};
  const bool there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  return there ? &kernels : nullptr;
}

}  // namespace attest::inference

#else

namespace attest::inference {
const Kernels* avx512_kernels() {
  return nullptr;
}
}  // namespace attest::inference

#endif
