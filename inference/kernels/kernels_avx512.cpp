// AVX-512 without VNNI; compiled with those flags, entered only where the processor has them.
#include "inference/kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)

#include "inference/kernels/simd512.h"
#include "inference/kernels/vector_kernels.h"

namespace attest::inference {

namespace {

struct Simd : Simd512 {
  // dot_small: weights up to 127, so that two products of bytes fit 16 bits.
  static I dot_small(I sum, B weights, B values) {
    return _mm512_add_epi32(
        sum, _mm512_madd_epi16(_mm512_maddubs_epi16(weights, values), _mm512_set1_epi16(1)));
  }
  // dot_bytes: weights up to 255, as twice their upper seven bits and their lowest.
  static I dot_bytes(I sum, B weights, B values) {
    const B upper = _mm512_and_si512(_mm512_srli_epi16(weights, 1), _mm512_set1_epi8(0x7f));
    const B lowest = _mm512_and_si512(weights, _mm512_set1_epi8(1));
    const I twice = _mm512_madd_epi16(_mm512_maddubs_epi16(upper, values), _mm512_set1_epi16(2));
    return dot_small(_mm512_add_epi32(sum, twice), lowest, values);
  }
  static I dot_pairs(I sum, const std::uint8_t* weights, const std::int32_t* values) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs(weights), _mm512_set1_epi32(*values)));
  }
};

}  // namespace

const Kernels* avx512_kernels() {
  static constexpr Kernels kernels = VectorKernels<Simd>::named("avx512");
  const bool there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
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
