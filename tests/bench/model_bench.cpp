// links: attest::model OpenSSL::Crypto benchmark
// What hashing a model costs, beside what OpenSSL, memory and common programs give in the same run.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <unistd.h>

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

// Eight shards on so many threads.
void shards(benchmark::State& state) {
  constexpr std::size_t count = 8;
  const std::size_t size = content().size() / count;
  const auto threads = static_cast<std::size_t>(state.range(0));
  std::array<FileDigests, count> digests;
  for (auto _ : state) {
    std::vector<std::jthread> workers;
    for (std::size_t worker = 0; worker < threads; ++worker)
      workers.emplace_back([&, worker] {
        for (std::size_t i = worker; i < count; i += threads)
          digests[i] = digest_bytes(ByteView(content()).subspan(i * size, size));
      });
    workers.clear();
    benchmark::DoNotOptimize(digests);
  }
  count_bytes(state);
}
BENCHMARK(shards)->Arg(1)->Arg(2)->UseRealTime();

// A program of this machine, over the same bytes in a file in the page cache.
void program(benchmark::State& state, const std::string& command) {
  for (auto _ : state)
    if (std::system(command.c_str()) != 0) state.SkipWithError("the program failed");
  count_bytes(state);
}

void register_programs(const std::string& file) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(content().data()),
             static_cast<std::streamsize>(content().size()));
  for (const std::string& words :
       {std::string("sha256sum"), std::string("openssl dgst -sha256"), std::string("b3sum"),
        std::string("b3sum --num-threads 1"), std::string("fsverity digest")}) {
    const std::string name = words.substr(0, words.find(' '));
    if (std::system(("command -v " + name + " >/dev/null").c_str()) != 0) continue;
    benchmark::RegisterBenchmark(("program/" + words).c_str(), program,
                                 words + " " + file + " >/dev/null")
        ->UseRealTime();
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const Sha256Kernel kernel : usable_kernels())
    benchmark::RegisterBenchmark(("leaves/" + std::string(to_string(kernel))).c_str(),
                                 [kernel](benchmark::State& state) { leaves(state, kernel); });
  const std::string file =
      std::string(P_tmpdir) + "/attest-model-bench-" + std::to_string(getpid());
  register_programs(file);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  (void)std::remove(file.c_str());
  return 0;
}
