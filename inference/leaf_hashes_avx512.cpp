// SHA-256 (FIPS 180-4) of sixteen blocks at once, a block a lane. One stream of a processor's own
// SHA instructions is half as fast.
#include "inference/leaf_hashes.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include <immintrin.h>

namespace attest::inference {

namespace {

using Words = __m512i;  // one word of each of 16 blocks

constexpr std::uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::uint32_t first_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

Words add(Words a, Words b) {
  return _mm512_add_epi32(a, b);
}
template <int bits>
Words right(Words x) {
  return _mm512_ror_epi32(x, bits);
}
Words xor3(Words a, Words b, Words c) {
  return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

// Word `number` of each block's 64 bytes, from big-endian.
Words message_word(const std::uint8_t* chunk, std::size_t number) {
  const Words lanes =
      _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                         _mm512_set1_epi32(static_cast<int>(leaf_block)));
  const Words little = _mm512_i32gather_epi32(lanes, chunk + 4 * number, 1);
  const Words order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  return _mm512_shuffle_epi8(little, order);
}

void compress(Words state[8], Words w[16]) {
  Words a = state[0], b = state[1], c = state[2], d = state[3];
  Words e = state[4], f = state[5], g = state[6], h = state[7];
  for (std::size_t round = 0; round < 64; ++round) {
    const std::size_t at = round % 16;
    if (round >= 16) {
      const Words before = w[(round - 15) % 16];
      const Words last = w[(round - 2) % 16];
      const Words s0 = xor3(right<7>(before), right<18>(before), _mm512_srli_epi32(before, 3));
      const Words s1 = xor3(right<17>(last), right<19>(last), _mm512_srli_epi32(last, 10));
      w[at] = add(add(w[at], s0), add(w[(round - 7) % 16], s1));
    }
    const Words sum1 = xor3(right<6>(e), right<11>(e), right<25>(e));
    const Words choice = _mm512_ternarylogic_epi32(e, f, g, 0xca);
    const Words key = add(w[at], _mm512_set1_epi32(static_cast<int>(constants[round])));
    const Words t1 = add(add(h, key), add(sum1, choice));
    const Words sum0 = xor3(right<2>(a), right<13>(a), right<22>(a));
    const Words majority = _mm512_ternarylogic_epi32(a, b, c, 0xe8);
    h = g;
    g = f;
    f = e;
    e = add(d, t1);
    d = c;
    c = b;
    b = a;
    a = add(t1, add(sum0, majority));
  }
  const Words after[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] = add(state[i], after[i]);
}

}  // namespace

void leaf_hashes_avx512(const std::uint8_t* blocks, std::uint8_t* hashes) {
  Words state[8];
  for (std::size_t i = 0; i < 8; ++i)
    state[i] = _mm512_set1_epi32(static_cast<int>(first_state[i]));
  Words w[16];
  for (std::size_t chunk = 0; chunk < leaf_block; chunk += 64) {
    for (std::size_t i = 0; i < 16; ++i) w[i] = message_word(blocks + chunk, i);
    compress(state, w);
  }
  // Padding: one bit, zeros, the length in bits.
  for (Words& word : w) word = _mm512_setzero_si512();
  w[0] = _mm512_set1_epi32(INT32_MIN);
  w[15] = _mm512_set1_epi32(static_cast<int>(leaf_block * 8));
  compress(state, w);
  for (std::size_t i = 0; i < 8; ++i) {
    alignas(64) std::uint32_t lane[16];
    _mm512_store_si512(lane, state[i]);
    for (std::size_t block = 0; block < leaves_at_once; ++block) {
      const std::uint32_t big = __builtin_bswap32(lane[block]);
      __builtin_memcpy(hashes + 32 * block + 4 * i, &big, sizeof big);
    }
  }
}

bool leaf_hashes_run_here() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

}  // namespace attest::inference

#else

namespace attest::inference {
void leaf_hashes_avx512(const std::uint8_t*, std::uint8_t*) {}
bool leaf_hashes_run_here() {
  return false;
}
}  // namespace attest::inference

#endif
