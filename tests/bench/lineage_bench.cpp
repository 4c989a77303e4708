// links: attest::lineage benchmark
// What it costs to look at a model before the gate, read and where its digests are known, and to
// make graphs of deep and wide lineages.
#include <chrono>
#include <filesystem>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "libattest/lineage/file_check.h"
#include "libattest/model/digest_cache.h"
#include "libattest/model/gguf_writer.h"

using namespace attest;

namespace {

// A model of 512 MiB on disk.
struct OnDisk {
  Path path = std::filesystem::temp_directory_path() /
              ("attest-lineage-bench-" + std::to_string(getpid()) + ".gguf");

  OnDisk() {
    model::GgufWriter writer;
    writer.add_string("general.architecture", "llama");
    constexpr std::uint64_t side = 16'384;
    writer.add_tensor("blk.0.ffn_up.weight", {side, side}, model::TensorType::f16,
                      Bytes(2 * side * side, std::byte{0x3c}));
    (void)write_file_atomically(path, *writer.finish());
  }
  ~OnDisk() { std::filesystem::remove(path); }
};

void look(benchmark::State& state, bool known_before) {
  const OnDisk model;
  const auto policy = *lineage::parse_release_policy("version = 1\n");
  auto cache = model::DigestCache::of("", "boot");
  const auto now = std::chrono::system_clock::now().time_since_epoch() + std::chrono::hours(24);
  const auto digests_of = [&](model::OpenedFile& file) -> Result<model::FileDigests> {
    if (const auto known = cache.known_digests(file); known_before && known) return *known;
    TRY(const auto reading,
        model::DigestCache::begin(
            file, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
    TRY(const auto digests, model::digest_file(file));
    cache.learn(file, reading, digests);
    return digests;
  };
  const auto look_once = [&] {
    const auto file = *model::OpenedFile::open(model.path);
    return lineage::look_at(*file, "m.gguf", policy, [&](File&) { return digests_of(*file); });
  };
  if (known_before) (void)look_once();
  for (auto _ : state) benchmark::DoNotOptimize(look_once());
}
BENCHMARK_CAPTURE(look, at_512_mib_read, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(look, at_512_mib_known, true)->Unit(benchmark::kMillisecond);

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
