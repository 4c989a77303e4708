// Sixteen lanes of AVX-512 for vector_kernels.h, but for the integer products, which differ with
// and without VNNI. Included within an unnamed namespace's reach only: see there.
#pragma once

#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace attest::inference {

namespace {

struct Simd512 {
  using F = __m512;
  using I = __m512i;
  using B = __m512i;
  static constexpr std::size_t vectors = 6;
  static constexpr std::size_t panels = 2;

  static F zero() { return _mm512_setzero_ps(); }
  static F all(float x) { return _mm512_set1_ps(x); }
  static F load(const float* at) { return _mm512_loadu_ps(at); }
  static void store(float* at, F x) { _mm512_storeu_ps(at, x); }
  static F broadcast(const float* at) { return _mm512_set1_ps(*at); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F minus_fma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
  static F most(F a, F b) { return _mm512_max_ps(a, b); }
  static F least(F a, F b) { return _mm512_min_ps(a, b); }
  static F magnitude(F x) { return _mm512_abs_ps(x); }
  static F negated(F x) {
    return _mm512_castsi512_ps(
        _mm512_xor_si512(_mm512_castps_si512(x), _mm512_set1_epi32(INT32_MIN)));
  }
  static F where_less(F a, F b, F then, F otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), otherwise, then);
  }
  static F where_nan(F a, F then, F otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), otherwise, then);
  }
  // power_of_two of whole numbers.
  static F power_of_two(F n) {
    const I exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
  }

  static F singles(const std::uint8_t* at) { return _mm512_loadu_ps(at); }
  static F halves(const std::uint8_t* at) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
  static F bfloats(const std::uint8_t* at) {
    const I wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  static F unsigned_bytes(const std::uint8_t* at) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))));
  }
  static F signed_bytes(const std::uint8_t* at) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))));
  }
  // exponents: power_of_exponent of exact.h.
  static F exponents(const std::uint8_t* at) {
    const I exponent = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    const I normal = _mm512_slli_epi32(_mm512_sub_epi32(exponent, _mm512_set1_epi32(1)), 23);
    const I subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x200000), exponent);
    const __mmask16 small = _mm512_cmplt_epi32_mask(exponent, _mm512_set1_epi32(2));
    return _mm512_castsi512_ps(_mm512_mask_mov_epi32(normal, small, subnormal));
  }
  static float rounded_to_half(float x) {
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), 0)));
  }
  static void store_bytes(std::int8_t* at, F x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }

  static I no_products() { return _mm512_setzero_si512(); }
  static I broadcast(const std::int32_t* at) { return _mm512_set1_epi32(*at); }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x); }
  static B bytes(const std::uint8_t* at) { return _mm512_loadu_si512(at); }
  static B four(const std::int8_t* at) {
    std::int32_t packed;
    __builtin_memcpy(&packed, at, sizeof packed);
    return _mm512_set1_epi32(packed);
  }
  static B low_nibbles(B x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
  static B high_nibbles(B x) {
    return _mm512_and_si512(_mm512_srli_epi16(x, 4), _mm512_set1_epi8(15));
  }
  // looked_up: the weights of MXFP4, and 12.
  static B looked_up(B nibbles) {
    const B table = _mm512_broadcast_i32x4(
        _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
    return _mm512_shuffle_epi8(table, nibbles);
  }
  // with_fifth has bit `bit` of each byte of `bits` as its fifth.
  template <std::size_t bit>
  static B with_fifth(B nibbles, B bits) {
    B moved = bits;
    if constexpr (bit < 4) moved = _mm512_slli_epi16(bits, 4 - bit);
    if constexpr (bit > 4) moved = _mm512_srli_epi16(bits, bit - 4);
    // nibbles | (moved & 0x10)
    return _mm512_ternarylogic_epi32(nibbles, moved, _mm512_set1_epi8(0x10), 0xf8);
  }
  // Column `shift` of the two-bit fields, and the low or the high nibbles.
  template <std::size_t shift, bool high>
  static B six_bits(B nibbles, B bits) {
    const B low = high ? high_nibbles(nibbles) : low_nibbles(nibbles);
    B moved = bits;
    if constexpr (shift == 0) moved = _mm512_slli_epi16(bits, 4);
    if constexpr (shift == 1) moved = _mm512_slli_epi16(bits, 2);
    if constexpr (shift == 3) moved = _mm512_srli_epi16(bits, 2);
    // low | (moved & 0x30)
    return _mm512_ternarylogic_epi32(low, moved, _mm512_set1_epi8(0x30), 0xf8);
  }
  static void expect(const std::uint8_t* at) {
    _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0);
  }
  static B pairs(const std::uint8_t* at) {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
};

}  // namespace

}  // namespace attest::inference
