// AVX2, FMA and F16C; compiled with those flags, entered only where the processor has them.
#include "inference/kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>

namespace attest::inference {

namespace {

constexpr std::size_t tile = 4;  // vectors that share one load of the weights

struct Sixteen {
  __m256 low;
  __m256 high;
};

Sixteen load(const float* at) {
  return {_mm256_loadu_ps(at), _mm256_loadu_ps(at + 8)};
}

Sixteen load(const std::uint16_t* at) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 8)))};
}

template <std::size_t count, typename Weight>
void float_tile(const Weight* panel, std::size_t columns, const float* x, std::size_t x_stride,
                float* y, std::size_t y_stride) {
  Sixteen sum[count];
  for (Sixteen& each : sum) each = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (std::size_t k = 0; k < columns; ++k) {
    const Sixteen weight = load(panel + k * panel_rows);
    for (std::size_t t = 0; t < count; ++t) {
      const __m256 value = _mm256_set1_ps(x[t * x_stride + k]);
      sum[t].low = _mm256_fmadd_ps(weight.low, value, sum[t].low);
      sum[t].high = _mm256_fmadd_ps(weight.high, value, sum[t].high);
    }
  }
  for (std::size_t t = 0; t < count; ++t) {
    _mm256_storeu_ps(y + t * y_stride, sum[t].low);
    _mm256_storeu_ps(y + t * y_stride + 8, sum[t].high);
  }
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

// Four rows of four weights as 16-bit numbers; a product of two pairs fits 32 bits with room.
__m256i four_rows(const std::uint8_t* at) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}

// four_values repeats four activations for each of four rows.
__m256i four_values(const std::int8_t* q) {
  std::int32_t packed;
  __builtin_memcpy(&packed, q, sizeof packed);
  return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(packed)));
}

// in_row_order adds the two halves of each row: from (rows 0-3, rows 4-7) to eight sums.
__m256i in_row_order(__m256i first, __m256i second) {
  return _mm256_permute4x64_epi64(_mm256_hadd_epi32(first, second), 0b11011000);
}

void run_products(const std::uint8_t* weights, const std::int8_t* q, __m256i& low, __m256i& high) {
  __m256i rows[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                     _mm256_setzero_si256()};
  for (std::size_t group = 0; group < 8; ++group) {
    const __m256i values = four_values(q + 4 * group);
    for (std::size_t i = 0; i < 4; ++i)
      rows[i] = _mm256_add_epi32(
          rows[i], _mm256_madd_epi16(four_rows(weights + 64 * group + 16 * i), values));
  }
  low = in_row_order(rows[0], rows[1]);
  high = in_row_order(rows[2], rows[3]);
}

void panel_q8_0(const std::uint8_t* panel, QuantisedInput x, PanelOutput y) {
  for (std::size_t t = 0; t < x.count; ++t) {
    Sixteen sum = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (std::size_t r = 0; r < x.runs; ++r) {
      const std::uint8_t* run = panel + r * q8_0_panel_run_bytes;
      const std::size_t at = t * x.runs + r;
      __m256i low;
      __m256i high;
      run_products(run + 2 * panel_rows, x.values + at * 32, low, high);
      // Weights are stored with 128 added, which adds 128 times the sum of the activations.
      const __m256i surplus = _mm256_set1_epi32(128 * x.sums[at]);
      const Sixteen scale = load(reinterpret_cast<const std::uint16_t*>(run));
      const __m256 x_scale = _mm256_set1_ps(x.scales[at]);
      sum.low = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(low, surplus)),
                                _mm256_mul_ps(scale.low, x_scale), sum.low);
      sum.high = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(high, surplus)),
                                 _mm256_mul_ps(scale.high, x_scale), sum.high);
    }
    _mm256_storeu_ps(y.values + t * y.stride, sum.low);
    _mm256_storeu_ps(y.values + t * y.stride + 8, sum.high);
  }
}

float dot(const float* a, const float* b, std::size_t count) {
  Sixteen sum = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const Sixteen left = load(a + i);
    const Sixteen right = load(b + i);
    sum.low = _mm256_fmadd_ps(left.low, right.low, sum.low);
    sum.high = _mm256_fmadd_ps(left.high, right.high, sum.high);
  }
  float lane[16];
  _mm256_storeu_ps(lane, sum.low);
  _mm256_storeu_ps(lane + 8, sum.high);
  for (std::size_t j = 0; i + j < count; ++j) lane[j] = __builtin_fmaf(a[i + j], b[i + j], lane[j]);
  for (std::size_t width = 8; width > 0; width /= 2)
    for (std::size_t j = 0; j < width; ++j) lane[j] = lane[j] + lane[j + width];
  return lane[0];
}

void add_scaled(float* to, float factor, const float* v, std::size_t count) {
  const __m256 factors = _mm256_set1_ps(factor);
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(to + i,
                     _mm256_fmadd_ps(factors, _mm256_loadu_ps(v + i), _mm256_loadu_ps(to + i)));
  for (; i < count; ++i) to[i] = __builtin_fmaf(factor, v[i], to[i]);
}

}  // namespace

const Kernels* avx2_kernels() {
  static constexpr Kernels kernels{
      "avx2", float_panel<float>, float_panel<std::uint16_t>, panel_q8_0, dot, add_scaled};
  const bool there = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                     __builtin_cpu_supports("f16c");
  return there ? &kernels : nullptr;
}

}  // namespace attest::inference

#else

namespace attest::inference {
const Kernels* avx2_kernels() {
  return nullptr;
}
}  // namespace attest::inference

#endif
