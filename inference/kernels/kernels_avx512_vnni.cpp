// AVX-512 with VNNI; compiled with those flags, entered only where the processor has them.
#include "inference/kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)

#include "inference/kernels/simd512.h"
#include "inference/kernels/vector_kernels.h"

namespace attest::inference {

namespace {

struct Simd : Simd512 {
  static I dot_small(I sum, B weights, B values) {
    return _mm512_dpbusd_epi32(sum, weights, values);
  }
  static I dot_bytes(I sum, B weights, B values) {
    return _mm512_dpbusd_epi32(sum, weights, values);
  }
  static I dot_pairs(I sum, const std::uint8_t* weights, const std::int32_t* values) {
    return _mm512_dpwssd_epi32(sum, pairs(weights), _mm512_set1_epi32(*values));
  }
};

}  // namespace

const Kernels* avx512_vnni_kernels() {
  static constexpr Kernels kernels = VectorKernels<Simd>::named("avx512-vnni");
  const bool there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vnni");
  return there ? &kernels : nullptr;
}

}  // namespace attest::inference

#else

namespace attest::inference {
const Kernels* avx512_vnni_kernels() {
  return nullptr;
}
}  // namespace attest::inference

#endif
