// links: attest::model OpenSSL::Crypto benchmark
// What hashing a model costs, beside what OpenSSL and memory give in the same run.
#include <cstring>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "libattest/model/blake3.h"
#include "libattest/model/digest.h"
#include "libattest/model/sha256_lanes.h"

using namespace attest;
using namespace attest::model;

namespace {

const Bytes& content() {
  static const Bytes bytes = [] {
    Bytes made(256U << 20);
    std::uint32_t state = 1;
    for (std::byte& byte : made) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<std::byte>(state >> 24);
    }
    return made;
  }();
  return bytes;
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(content().size()));
}

void memory_copy(benchmark::State& state) {
  Bytes to(content().size());
  for (auto _ : state) {
    std::memcpy(to.data(), content().data(), to.size());
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(memory_copy);

void openssl_sha256(benchmark::State& state) {
  unsigned char digest[32];
  for (auto _ : state) {
    EVP_Digest(content().data(), content().size(), digest, nullptr, EVP_sha256(), nullptr);
    benchmark::DoNotOptimize(digest);
  }
  count_bytes(state);
}
BENCHMARK(openssl_sha256);

void our_sha256(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(sha256(content()));
  count_bytes(state);
}
BENCHMARK(our_sha256);

void leaves(benchmark::State& state, Sha256Kernel kernel) {
  std::vector<Sha256> digests(content().size() / verity_block);
  for (auto _ : state) {
    sha256_blocks(content(), verity_block, digests, kernel);
    benchmark::DoNotOptimize(digests.data());
  }
  count_bytes(state);
}

void verity_alone(benchmark::State& state) {
  std::vector<Sha256> digests(content().size() / verity_block);
  for (auto _ : state) {
    sha256_blocks(content(), verity_block, digests);
    benchmark::DoNotOptimize(verity_digest(content().size(), digests));
  }
  count_bytes(state);
}
BENCHMARK(verity_alone);

void both_digests(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(digest_bytes(content()));
  count_bytes(state);
}
BENCHMARK(both_digests);

void blake3_portable(benchmark::State& state) {
  for (auto _ : state) {
    Blake3 hash;
    hash.update(content());
    benchmark::DoNotOptimize(hash.digest());
  }
  count_bytes(state);
}
BENCHMARK(blake3_portable);

}  // namespace

int main(int argc, char** argv) {
  for (const Sha256Kernel kernel : usable_kernels())
    benchmark::RegisterBenchmark(("leaves/" + std::string(to_string(kernel))).c_str(),
                                 [kernel](benchmark::State& state) { leaves(state, kernel); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
