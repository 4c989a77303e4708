// AVX2, FMA and F16C; compiled with those flags, entered only where the processor has them.
#include "inference/kernels/kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>

#include "inference/kernels/vector_kernels.h"

namespace attest::inference {

namespace {

struct Simd {
  struct F {
    __m256 low;
    __m256 high;
  };
  struct I {
    __m256i low;
    __m256i high;
  };
  using B = I;
  static constexpr std::size_t vectors = 2;
  static constexpr std::size_t panels = 1;

  static F zero() { return all(0.0F); }
  static F all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F load(const float* at) { return {_mm256_loadu_ps(at), _mm256_loadu_ps(at + 8)}; }
  static void store(float* at, F x) {
    _mm256_storeu_ps(at, x.low);
    _mm256_storeu_ps(at + 8, x.high);
  }
  static F broadcast(const float* at) { return all(*at); }
  static F add(F a, F b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F sub(F a, F b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F mul(F a, F b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static F div(F a, F b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static F fma(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static F minus_fma(F a, F b, F c) {
    return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
  }
  static F most(F a, F b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static F least(F a, F b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  static F magnitude(F x) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return {_mm256_andnot_ps(sign, x.low), _mm256_andnot_ps(sign, x.high)};
  }
  static F negated(F x) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return {_mm256_xor_ps(sign, x.low), _mm256_xor_ps(sign, x.high)};
  }
  static F where_less(F a, F b, F then, F otherwise) {
    return {_mm256_blendv_ps(otherwise.low, then.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
            _mm256_blendv_ps(otherwise.high, then.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
  }
  static F where_nan(F a, F then, F otherwise) {
    return {
        _mm256_blendv_ps(otherwise.low, then.low, _mm256_cmp_ps(a.low, a.low, _CMP_UNORD_Q)),
        _mm256_blendv_ps(otherwise.high, then.high, _mm256_cmp_ps(a.high, a.high, _CMP_UNORD_Q))};
  }
  static __m256 power_of_two(__m256 n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static F power_of_two(F n) { return {power_of_two(n.low), power_of_two(n.high)}; }

  static __m128i sixteen(const std::uint8_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static F singles(const std::uint8_t* at) { return load(reinterpret_cast<const float*>(at)); }
  static F halves(const std::uint8_t* at) {
    return {_mm256_cvtph_ps(sixteen(at)), _mm256_cvtph_ps(sixteen(at + 16))};
  }
  static __m256 bfloats(__m128i at) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(at), 16));
  }
  static F bfloats(const std::uint8_t* at) {
    return {bfloats(sixteen(at)), bfloats(sixteen(at + 16))};
  }
  static F unsigned_bytes(const std::uint8_t* at) {
    const __m128i all_bytes = sixteen(at);
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(all_bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(all_bytes, 8)))};
  }
  static F signed_bytes(const std::uint8_t* at) {
    const __m128i all_bytes = sixteen(at);
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(all_bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(all_bytes, 8)))};
  }
  static __m256 exponents(__m256i exponent) {
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(exponent, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), exponent);
    const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), exponent);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, subnormal, small));
  }
  static F exponents(const std::uint8_t* at) {
    const __m128i all_bytes = sixteen(at);
    return {exponents(_mm256_cvtepu8_epi32(all_bytes)),
            exponents(_mm256_cvtepu8_epi32(_mm_srli_si128(all_bytes, 8)))};
  }
  static float rounded_to_half(float x) {
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), 0)));
  }
  static void store_bytes(std::int8_t* at, F x) {
    const __m256i words = _mm256_permute4x64_epi64(
        _mm256_packs_epi32(_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)), 0b11011000);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(at),
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }

  static I no_products() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static I broadcast(const std::int32_t* at) {
    return {_mm256_set1_epi32(*at), _mm256_set1_epi32(*at)};
  }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  static B bytes(const std::uint8_t* at) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32))};
  }
  static B four(const std::int8_t* at) {
    std::int32_t packed;
    __builtin_memcpy(&packed, at, sizeof packed);
    return broadcast(&packed);
  }
  static B both(B x, __m256i mask) {
    return {_mm256_and_si256(x.low, mask), _mm256_and_si256(x.high, mask)};
  }
  template <int bits>
  static B right(B x) {
    return {_mm256_srli_epi16(x.low, bits), _mm256_srli_epi16(x.high, bits)};
  }
  template <int bits>
  static B left(B x) {
    return {_mm256_slli_epi16(x.low, bits), _mm256_slli_epi16(x.high, bits)};
  }
  static B low_nibbles(B x) { return both(x, _mm256_set1_epi8(15)); }
  static B high_nibbles(B x) { return both(right<4>(x), _mm256_set1_epi8(15)); }
  static B looked_up(B nibbles) {
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
    return {_mm256_shuffle_epi8(table, nibbles.low), _mm256_shuffle_epi8(table, nibbles.high)};
  }
  template <std::size_t bit>
  static B with_fifth(B nibbles, B bits) {
    B moved = bits;
    if constexpr (bit < 4) moved = left<4 - static_cast<int>(bit)>(bits);
    if constexpr (bit > 4) moved = right<static_cast<int>(bit) - 4>(bits);
    moved = both(moved, _mm256_set1_epi8(0x10));
    return {_mm256_or_si256(nibbles.low, moved.low), _mm256_or_si256(nibbles.high, moved.high)};
  }
  template <std::size_t shift, bool high>
  static B six_bits(B nibbles, B bits) {
    const B low = high ? high_nibbles(nibbles) : low_nibbles(nibbles);
    B moved = bits;
    if constexpr (shift == 0) moved = left<4>(bits);
    if constexpr (shift == 1) moved = left<2>(bits);
    if constexpr (shift == 3) moved = right<2>(bits);
    moved = both(moved, _mm256_set1_epi8(0x30));
    return {_mm256_or_si256(low.low, moved.low), _mm256_or_si256(low.high, moved.high)};
  }
  static void expect(const std::uint8_t* at) {
    _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0);
  }

  // products of pairs of bytes, joined to fours: weights up to 127, so that two fit 16 bits.
  static __m256i fours(__m256i weights, __m256i values, short factor) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(weights, values), _mm256_set1_epi16(factor));
  }
  static I dot_small(I sum, B weights, B values) {
    return {_mm256_add_epi32(sum.low, fours(weights.low, values.low, 1)),
            _mm256_add_epi32(sum.high, fours(weights.high, values.high, 1))};
  }
  // dot_bytes: weights up to 255, as twice their upper seven bits and their lowest.
  static I dot_bytes(I sum, B weights, B values) {
    const B upper = both(right<1>(weights), _mm256_set1_epi8(0x7f));
    const I with_upper = {_mm256_add_epi32(sum.low, fours(upper.low, values.low, 2)),
                          _mm256_add_epi32(sum.high, fours(upper.high, values.high, 2))};
    return dot_small(with_upper, both(weights, _mm256_set1_epi8(1)), values);
  }
  static I dot_pairs(I sum, const std::uint8_t* weights, const std::int32_t* values) {
    const __m256i pair = _mm256_set1_epi32(*values);
    return {
        _mm256_add_epi32(sum.low, _mm256_madd_epi16(_mm256_cvtepu8_epi16(sixteen(weights)), pair)),
        _mm256_add_epi32(sum.high,
                         _mm256_madd_epi16(_mm256_cvtepu8_epi16(sixteen(weights + 16)), pair))};
  }
};

}  // namespace

const Kernels* avx2_kernels() {
  static constexpr Kernels kernels = VectorKernels<Simd>::named("avx2");
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
