#include "libattest/model/sha256_lanes.h"

#include <algorithm>
#include <bit>

#include "libattest/model/sha256_rounds.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace attest::model {

namespace {

constexpr std::size_t chunk = 64;

std::uint32_t word_at(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

void compress(Sha256Words& state, const unsigned char* bytes) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t i = 0; i < 16; ++i) w[i] = word_at(bytes + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_constants[i] + w[i];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const Sha256Words more{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += more[i];
}

void store(const Sha256Words& words, Sha256& digest) {
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::byte>(words[i / 4] >> (24 - 8 * (i % 4)));
}

bool has_sha_instructions() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 29 & 1) != 0 &&
         __builtin_cpu_supports("sse4.1") != 0;
#else
  return false;
#endif
}

bool runs(Sha256Kernel kernel) {
#if defined(__x86_64__)
  switch (kernel) {
    case Sha256Kernel::reference:
      return true;
    case Sha256Kernel::sha_ni:
      return has_sha_instructions();
    case Sha256Kernel::avx2:
      return __builtin_cpu_supports("avx2") != 0;
    case Sha256Kernel::avx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  }
#endif
  return kernel == Sha256Kernel::reference;
}

std::size_t lanes_of(Sha256Kernel kernel) {
  return kernel == Sha256Kernel::avx512 ? 16 : kernel == Sha256Kernel::avx2 ? 8 : 1;
}

void run(Sha256Kernel kernel, const unsigned char* data, std::size_t block_size,
         Sha256Words* digests, std::size_t count) {
  switch (kernel) {
#if defined(__x86_64__)
    case Sha256Kernel::avx512:
      return sha256_avx512_blocks(data, block_size, digests);
    case Sha256Kernel::avx2:
      return sha256_avx2_blocks(data, block_size, digests);
    case Sha256Kernel::sha_ni:
      return sha256_ni_blocks(data, block_size, digests, count);
#endif
    default:
      return sha256_reference_blocks(data, block_size, digests, count);
  }
}

}  // namespace

void sha256_reference_blocks(const unsigned char* data, std::size_t block_size,
                             Sha256Words* digests, std::size_t count) {
  std::array<unsigned char, chunk> padding{0x80};
  for (std::size_t i = 0; i < 8; ++i)
    padding[chunk - 1 - i] =
        static_cast<unsigned char>(static_cast<std::uint64_t>(block_size) * 8 >> (8 * i));
  for (std::size_t block = 0; block < count; ++block, data += block_size) {
    digests[block] = sha256_initial;
    for (std::size_t at = 0; at < block_size; at += chunk) compress(digests[block], data + at);
    compress(digests[block], padding.data());
  }
}

std::string_view to_string(Sha256Kernel kernel) {
  switch (kernel) {
    case Sha256Kernel::reference:
      return "reference";
    case Sha256Kernel::sha_ni:
      return "sha-ni";
    case Sha256Kernel::avx2:
      return "avx2";
    case Sha256Kernel::avx512:
      break;
  }
  return "avx512";
}

std::vector<Sha256Kernel> usable_kernels() {
  std::vector<Sha256Kernel> usable;
  for (const Sha256Kernel kernel :
       {Sha256Kernel::reference, Sha256Kernel::avx2, Sha256Kernel::sha_ni, Sha256Kernel::avx512})
    if (runs(kernel)) usable.push_back(kernel);
  return usable;
}

void sha256_blocks(ByteView data, std::size_t block_size, std::span<Sha256> digests,
                   Sha256Kernel kernel) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  std::array<Sha256Words, 16> words;
  std::size_t done = 0;
  while (done < digests.size()) {
    const std::size_t left = digests.size() - done;
    const bool full = left >= lanes_of(kernel);
    // What fills no register goes one by one.
    const Sha256Kernel fitting = full                         ? kernel
                                 : runs(Sha256Kernel::sha_ni) ? Sha256Kernel::sha_ni
                                                              : Sha256Kernel::reference;
    const std::size_t count = lanes_of(fitting);
    run(fitting, bytes + done * block_size, block_size, words.data(), count);
    for (std::size_t i = 0; i < count; ++i) store(words[i], digests[done + i]);
    done += count;
  }
}

void sha256_blocks(ByteView data, std::size_t block_size, std::span<Sha256> digests) {
  static const Sha256Kernel fastest = usable_kernels().back();
  sha256_blocks(data, block_size, digests, fastest);
}

}  // namespace attest::model
