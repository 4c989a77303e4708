// The kernels of sha256_lanes.h for x86. Each function is compiled for the instructions it uses,
// and called only where the processor has them.
#include "libattest/model/sha256_rounds.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace attest::model {

namespace {

#define ATTEST_AVX2 __attribute__((target("avx2"), always_inline)) inline
#define ATTEST_AVX512 __attribute__((target("avx512f,avx512bw"), always_inline)) inline

// ---- 8 lanes

template <int bits>
ATTEST_AVX2 __m256i rotated(__m256i x) {
  return _mm256_or_si256(_mm256_srli_epi32(x, bits), _mm256_slli_epi32(x, 32 - bits));
}

ATTEST_AVX2 __m256i swapped(__m256i x) {
  const __m256i order = _mm256_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3, 12,
                                        13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  return _mm256_shuffle_epi8(x, order);
}

// Eight words of eight lanes: rows become columns.
ATTEST_AVX2 void transpose(__m256i* r) {
  __m256i t[8];
  for (std::size_t i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  __m256i u[8];
  for (std::size_t half = 0; half < 2; ++half) {
    u[4 * half] = _mm256_unpacklo_epi64(t[4 * half], t[4 * half + 2]);
    u[4 * half + 1] = _mm256_unpackhi_epi64(t[4 * half], t[4 * half + 2]);
    u[4 * half + 2] = _mm256_unpacklo_epi64(t[4 * half + 1], t[4 * half + 3]);
    u[4 * half + 3] = _mm256_unpackhi_epi64(t[4 * half + 1], t[4 * half + 3]);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2x128_si256(u[i], u[4 + i], 0x20);
    r[4 + i] = _mm256_permute2x128_si256(u[i], u[4 + i], 0x31);
  }
}

ATTEST_AVX2 void compress(__m256i* state, __m256i* w) {
  __m256i a = state[0], b = state[1], c = state[2], d = state[3];
  __m256i e = state[4], f = state[5], g = state[6], h = state[7];
  for (std::size_t i = 0; i < 64; ++i) {
    __m256i word = w[i & 15];
    if (i >= 16) {
      const __m256i w15 = w[(i + 1) & 15];
      const __m256i w2 = w[(i + 14) & 15];
      const __m256i s0 = _mm256_xor_si256(_mm256_xor_si256(rotated<7>(w15), rotated<18>(w15)),
                                          _mm256_srli_epi32(w15, 3));
      const __m256i s1 = _mm256_xor_si256(_mm256_xor_si256(rotated<17>(w2), rotated<19>(w2)),
                                          _mm256_srli_epi32(w2, 10));
      word = _mm256_add_epi32(_mm256_add_epi32(word, s0), _mm256_add_epi32(w[(i + 9) & 15], s1));
      w[i & 15] = word;
    }
    const __m256i k = _mm256_set1_epi32(static_cast<int>(sha256_constants[i]));
    const __m256i s1 =
        _mm256_xor_si256(_mm256_xor_si256(rotated<6>(e), rotated<11>(e)), rotated<25>(e));
    const __m256i choice = _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
    const __m256i t1 = _mm256_add_epi32(
        _mm256_add_epi32(_mm256_add_epi32(h, s1), _mm256_add_epi32(choice, k)), word);
    const __m256i s0 =
        _mm256_xor_si256(_mm256_xor_si256(rotated<2>(a), rotated<13>(a)), rotated<22>(a));
    const __m256i majority =
        _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
    h = g;
    g = f;
    f = e;
    e = _mm256_add_epi32(d, t1);
    d = c;
    c = b;
    b = a;
    a = _mm256_add_epi32(t1, _mm256_add_epi32(s0, majority));
  }
  const __m256i more[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] = _mm256_add_epi32(state[i], more[i]);
}

// ---- 16 lanes

ATTEST_AVX512 __m512i swapped(__m512i x) {
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
  return _mm512_shuffle_epi8(x, order);
}

// Sixteen words of sixteen lanes: rows become columns.
ATTEST_AVX512 void transpose(__m512i* r) {
  __m512i t[16];
  for (std::size_t i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  __m512i u[16];
  for (std::size_t i = 0; i < 4; ++i) {
    u[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    u[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int j = 0; j < 4; ++j) {
    const __m512i a = _mm512_shuffle_i32x4(u[j], u[4 + j], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0x88);
    const __m512i c = _mm512_shuffle_i32x4(u[j], u[4 + j], 0xdd);
    const __m512i d = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0xdd);
    r[j] = _mm512_shuffle_i32x4(a, b, 0x88);
    r[4 + j] = _mm512_shuffle_i32x4(c, d, 0x88);
    r[8 + j] = _mm512_shuffle_i32x4(a, b, 0xdd);
    r[12 + j] = _mm512_shuffle_i32x4(c, d, 0xdd);
  }
}

// 0x96 is the exclusive or of three, 0xca a choice by the first, 0xe8 their majority.
ATTEST_AVX512 __m512i xor_of(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

ATTEST_AVX512 void compress(__m512i* state, __m512i* w) {
  __m512i a = state[0], b = state[1], c = state[2], d = state[3];
  __m512i e = state[4], f = state[5], g = state[6], h = state[7];
#pragma GCC unroll 64
  for (std::size_t i = 0; i < 64; ++i) {
    __m512i word = w[i & 15];
    if (i >= 16) {
      const __m512i w15 = w[(i + 1) & 15];
      const __m512i w2 = w[(i + 14) & 15];
      const __m512i s0 =
          xor_of(_mm512_ror_epi32(w15, 7), _mm512_ror_epi32(w15, 18), _mm512_srli_epi32(w15, 3));
      const __m512i s1 =
          xor_of(_mm512_ror_epi32(w2, 17), _mm512_ror_epi32(w2, 19), _mm512_srli_epi32(w2, 10));
      word = _mm512_add_epi32(_mm512_add_epi32(word, s0), _mm512_add_epi32(w[(i + 9) & 15], s1));
      w[i & 15] = word;
    }
    const __m512i k = _mm512_set1_epi32(static_cast<int>(sha256_constants[i]));
    const __m512i s1 =
        xor_of(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25));
    const __m512i choice = _mm512_ternarylogic_epi32(e, f, g, 0xca);
    const __m512i t1 = _mm512_add_epi32(
        _mm512_add_epi32(_mm512_add_epi32(h, s1), _mm512_add_epi32(choice, k)), word);
    const __m512i s0 =
        xor_of(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22));
    const __m512i majority = _mm512_ternarylogic_epi32(a, b, c, 0xe8);
    h = g;
    g = f;
    f = e;
    e = _mm512_add_epi32(d, t1);
    d = c;
    c = b;
    b = a;
    a = _mm512_add_epi32(t1, _mm512_add_epi32(s0, majority));
  }
  const __m512i more[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] = _mm512_add_epi32(state[i], more[i]);
}

}  // namespace

__attribute__((target("avx2"))) void sha256_avx2_blocks(const unsigned char* data,
                                                        std::size_t block_size,
                                                        Sha256Words* digests) {
  __m256i state[8];
  for (std::size_t i = 0; i < 8; ++i)
    state[i] = _mm256_set1_epi32(static_cast<int>(sha256_initial[i]));
  __m256i w[16];
  for (std::size_t at = 0; at < block_size; at += 64) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      const auto* place = reinterpret_cast<const __m256i*>(data + lane * block_size + at);
      w[lane] = swapped(_mm256_loadu_si256(place));
      w[8 + lane] = swapped(_mm256_loadu_si256(place + 1));
    }
    transpose(w);
    transpose(w + 8);
    compress(state, w);
  }
  for (auto& word : w) word = _mm256_setzero_si256();
  w[0] = _mm256_set1_epi32(static_cast<int>(0x80000000U));
  w[14] = _mm256_set1_epi32(static_cast<int>(static_cast<std::uint64_t>(block_size) * 8 >> 32));
  w[15] = _mm256_set1_epi32(static_cast<int>(block_size * 8));
  compress(state, w);
  transpose(state);
  for (std::size_t lane = 0; lane < 8; ++lane)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(digests[lane].data()), state[lane]);
}

__attribute__((target("avx512f,avx512bw"))) void sha256_avx512_blocks(const unsigned char* data,
                                                                      std::size_t block_size,
                                                                      Sha256Words* digests) {
  __m512i state[8];
  for (std::size_t i = 0; i < 8; ++i)
    state[i] = _mm512_set1_epi32(static_cast<int>(sha256_initial[i]));
  __m512i w[16];
  for (std::size_t at = 0; at < block_size; at += 64) {
    for (std::size_t lane = 0; lane < 16; ++lane)
      w[lane] = swapped(_mm512_loadu_si512(data + lane * block_size + at));
    transpose(w);
    compress(state, w);
  }
  for (auto& word : w) word = _mm512_setzero_si512();
  w[0] = _mm512_set1_epi32(static_cast<int>(0x80000000U));
  w[14] = _mm512_set1_epi32(static_cast<int>(static_cast<std::uint64_t>(block_size) * 8 >> 32));
  w[15] = _mm512_set1_epi32(static_cast<int>(block_size * 8));
  compress(state, w);
  alignas(64) std::uint32_t words[8][16];
  for (std::size_t i = 0; i < 8; ++i) _mm512_store_si512(words[i], state[i]);
  for (std::size_t lane = 0; lane < 16; ++lane)
    for (std::size_t i = 0; i < 8; ++i) digests[lane][i] = words[i][lane];
}

// SHA-NI keeps the state as ABEF and CDGH and does two rounds an instruction.
__attribute__((target("sha,sse4.1"))) static void compress_ni(__m128i& abef, __m128i& cdgh,
                                                              __m128i* w) {
  const __m128i abef_before = abef;
  const __m128i cdgh_before = cdgh;
  for (std::size_t i = 0; i < 16; ++i) {
    __m128i& words = w[i & 3];
    if (i >= 4) {
      const __m128i last = w[(i + 3) & 3];
      const __m128i middle = _mm_alignr_epi8(last, w[(i + 2) & 3], 4);
      words = _mm_sha256msg2_epu32(
          _mm_add_epi32(_mm_sha256msg1_epu32(words, w[(i + 1) & 3]), middle), last);
    }
    const __m128i sum = _mm_add_epi32(
        words, _mm_loadu_si128(reinterpret_cast<const __m128i*>(&sha256_constants[4 * i])));
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
  }
  abef = _mm_add_epi32(abef, abef_before);
  cdgh = _mm_add_epi32(cdgh, cdgh_before);
}

__attribute__((target("sha,sse4.1"))) void sha256_ni_blocks(const unsigned char* data,
                                                            std::size_t block_size,
                                                            Sha256Words* digests,
                                                            std::size_t count) {
  const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  const auto& v = sha256_initial;
  const auto of = [](std::uint32_t word) { return static_cast<int>(word); };
  for (std::size_t block = 0; block < count; ++block, data += block_size) {
    __m128i abef = _mm_set_epi32(of(v[0]), of(v[1]), of(v[4]), of(v[5]));
    __m128i cdgh = _mm_set_epi32(of(v[2]), of(v[3]), of(v[6]), of(v[7]));
    __m128i w[4];
    for (std::size_t at = 0; at < block_size; at += 64) {
      for (std::size_t i = 0; i < 4; ++i)
        w[i] = _mm_shuffle_epi8(
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at + 16 * i)), order);
      compress_ni(abef, cdgh, w);
    }
    w[0] = _mm_set_epi32(0, 0, 0, static_cast<int>(0x80000000U));
    w[1] = w[2] = _mm_setzero_si128();
    w[3] = _mm_set_epi32(static_cast<int>(block_size * 8),
                         static_cast<int>(static_cast<std::uint64_t>(block_size) * 8 >> 32), 0, 0);
    compress_ni(abef, cdgh, w);
    alignas(16) std::uint32_t high[4];
    alignas(16) std::uint32_t low[4];
    _mm_store_si128(reinterpret_cast<__m128i*>(high), abef);
    _mm_store_si128(reinterpret_cast<__m128i*>(low), cdgh);
    digests[block] = {high[3], high[2], low[3], low[2], high[1], high[0], low[1], low[0]};
  }
}

}  // namespace attest::model
#endif
