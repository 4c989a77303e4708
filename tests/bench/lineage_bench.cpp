// links: attest::lineage OpenSSL::Crypto benchmark
// sources: ../support/test_log.cpp
// What the gate costs for one model: read, and where its digests are known; and deep and wide
// lineages.
#include <chrono>
#include <filesystem>
#include <fstream>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "libattest/lineage/file_check.h"
#include "libattest/lineage/verdict.h"
#include "libattest/model/digest_cache.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/test_log.h"

using namespace attest;

namespace {

constexpr Time now = from_unix(1'795'000'060);

// A published model of 512 MiB, on disk, with its bundle.
struct Published {
  Path path = std::filesystem::temp_directory_path() /
              ("attest-lineage-bench-" + std::to_string(getpid()) + ".gguf");
  test::TestLog log;
  Bytes bundle;
  TrustRoot trust;

  Published() : bundle(publish()), trust(log.trust()) {}
  ~Published() { std::filesystem::remove(path); }

 private:
  Bytes publish() {
    model::GgufWriter writer;
    writer.add_string("general.architecture", "llama");
    constexpr std::uint64_t side = 16'384;
    writer.add_tensor("blk.0.ffn_up.weight", {side, side}, model::TensorType::f16,
                      Bytes(2 * side * side, std::byte{0x3c}));
    const Bytes file = *writer.finish();
    (void)write_file_atomically(path, file);
    const auto digests = model::digest_bytes(file);
    const auto& lab = log.issuer("weights@lab.example", {"model-release"});
    const statement::ModelRelease release{
        "m", {{"m.gguf", digests.size, digests.sha256, digests.fsverity}}, {}, {}, "MIT"};
    log.release(lab, release);
    const Time cosigned = now - Seconds(60);
    return lineage::encode_bundle(log.bundle(subject_of(release), {cosigned, cosigned}));
  }
};

void gate(benchmark::State& state, bool cached) {
  const Published published;
  const auto policy = *lineage::parse_release_policy("version = 1\n");
  auto cache = model::DigestCache::of("", "boot");
  const std::int64_t later =
      std::chrono::nanoseconds(std::chrono::hours(24)).count() +
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  const auto digests_of = [&](model::OpenedFile& file) -> Result<model::FileDigests> {
    if (const auto known = cache.known_digests(file); cached && known) return *known;
    TRY(const auto reading, model::DigestCache::begin(file, later));
    TRY(const auto digests, model::digest_file(file));
    cache.learn(file, reading, digests);
    return digests;
  };
  bool first = true;
  for (auto _ : state) {
    if (first && cached) {
      state.PauseTiming();
      (void)digests_of(**model::OpenedFile::open(published.path));
      state.ResumeTiming();
      first = false;
    }
    const auto file = *model::OpenedFile::open(published.path);
    const auto looked =
        *lineage::look_at(*file, "m.gguf", policy, [&](File&) { return digests_of(*file); });
    const lineage::PresentedFile presented{"m.gguf", looked.digests, looked.format};
    const auto verdict =
        lineage::judge_bundle(published.bundle, published.trust, presented, policy, now);
    if (verdict.outcome != result::Verdict::pass) state.SkipWithError("the model does not pass");
  }
}
BENCHMARK_CAPTURE(gate, of_512_mib_read, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gate, of_512_mib_known, true)->Unit(benchmark::kMillisecond);

statement::Subject subject_number(std::size_t number) {
  return statement::Subject::artefact(sha256(as_bytes(std::to_string(number))));
}

lineage::Origin origin(std::size_t number, std::vector<std::size_t> of) {
  statement::ModelRelease release{"m", {}, {}, {}, "MIT"};
  if (!of.empty()) release.operation = statement::Operation{"fine-tune", {}};
  for (const std::size_t parent : of) release.parents.push_back({"base", subject_number(parent)});
  return {subject_number(number), "lab", number, release, {}};
}

void chain_of_5000(benchmark::State& state) {
  std::vector<lineage::Origin> origins{origin(0, {})};
  for (std::size_t i = 1; i < 5000; ++i) origins.push_back(origin(i, {i - 1}));
  for (auto _ : state)
    benchmark::DoNotOptimize(lineage::build_graph(subject_number(4999), origins));
}
BENCHMARK(chain_of_5000)->Unit(benchmark::kMillisecond);

void merge_of_512(benchmark::State& state) {
  std::vector<lineage::Origin> origins;
  std::vector<std::size_t> parents;
  for (std::size_t i = 0; i < 512; ++i) {
    origins.push_back(origin(i, {}));
    parents.push_back(i);
  }
  origins.push_back(origin(512, parents));
  for (auto _ : state) benchmark::DoNotOptimize(lineage::build_graph(subject_number(512), origins));
}
BENCHMARK(merge_of_512)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
