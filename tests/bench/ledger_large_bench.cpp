// links: attest::ledger PkgConfig::sqlite3 benchmark
// What a large log costs: filling it in batches, opening it, proving from it, auditing it. One log
// is filled once and then measured. ATTEST_BENCH_ENTRIES says how large (1,000,000 without).
#include <chrono>
#include <cstdlib>
#include <iostream>

#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include "ledger/audit.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

constexpr std::size_t batch_size = 1000;

std::size_t entries_wanted() {
  const char* said = std::getenv("ATTEST_BENCH_ENTRIES");
  return said == nullptr ? 1'000'000 : std::strtoull(said, nullptr, 10);
}

// Entries are copies of one signed statement of about 300 bytes, each about another subject. Their
// signatures no longer hold; the log judges none, so that costs and sizes are those of true ones.
class Entries {
 public:
  explicit Entries(const SigningKey& key) {
    const std::string reason(60, 'r');
    sample_ = signed_as(statement::Kind::revocation, artefact("x"),
                        statement::encode(statement::Revocation{reason}), key);
    const std::string digits = to_hex(digest_of("x"));
    place_ = as_text(sample_).find(digits);
  }
  Bytes entry(std::uint64_t n) const {
    Bytes entry = sample_;
    const std::string digits = to_hex(sha256(as_bytes(std::to_string(n))));
    std::ranges::copy(as_bytes(digits), entry.begin() + static_cast<std::ptrdiff_t>(place_));
    return entry;
  }
  std::vector<Bytes> batch(std::uint64_t first) const {
    std::vector<Bytes> entries;
    for (std::uint64_t i = 0; i < batch_size; ++i) entries.push_back(entry(first + i));
    return entries;
  }
  std::size_t size() const { return sample_.size(); }

 private:
  Bytes sample_;
  std::size_t place_;
};

using Clock = std::chrono::steady_clock;
double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// fill gives entries a second: over all, and over the last tenth.
std::pair<double, double> fill(Log& log, const Entries& entries, std::uint64_t total) {
  Clock::duration all{};
  Clock::duration last{};
  for (std::uint64_t first = 0; first < total; first += batch_size) {
    const auto batch = entries.batch(first);
    const auto start = Clock::now();
    if (!log.add(batch)) std::abort();
    const auto took = Clock::now() - start;
    all += took;
    if (first >= total - total / 10) last += took;
  }
  const auto count = static_cast<double>(total);
  return {count / seconds(all), count / 10 / seconds(last)};
}

struct LargeLog {
  TestLog test;
  Entries entries{*test.publisher};
  std::pair<double, double> rates = fill(*test.log, entries, entries_wanted());
};

LargeLog& large_log() {
  static LargeLog log;
  return log;
}

void add_batches_with_deduplication(benchmark::State& state) {
  const LargeLog& log = large_log();
  for (auto _ : state) benchmark::DoNotOptimize(&log);
  state.counters["entry_bytes"] = static_cast<double>(log.entries.size());
  state.counters["entries/s"] = log.rates.first;
  state.counters["entries/s_last_tenth"] = log.rates.second;
}

void add_batches_without_deduplication(benchmark::State& state) {
  TestLog test;
  test.log.reset();
  LogPlace place = test.place();
  place.deduplicate = false;
  const auto log = *Log::open(place, test.key);
  const Entries entries(*test.publisher);
  std::pair<double, double> rates;
  for (auto _ : state) rates = fill(*log, entries, entries_wanted() / 4);
  state.counters["entries/s"] = rates.first;
  state.counters["entries/s_last_tenth"] = rates.second;
}

void start(benchmark::State& state) {
  LargeLog& log = large_log();
  for (auto _ : state)
    if (!log.test.reopen() || !log.test.log->find_digest({})) state.SkipWithError("open failed");
}

void prove_inclusion(benchmark::State& state) {
  LargeLog& log = large_log();
  const std::uint64_t size = log.test.log->head()->size;
  std::uint64_t index = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(log.test.log->prove_inclusion(index, size));
    index = (index + 7'919'191) % size;
  }
}

void find_digest_that_is_not_there(benchmark::State& state) {
  LargeLog& log = large_log();
  std::uint64_t n = 0;
  for (auto _ : state) {
    const std::string name = "none " + std::to_string(n++);
    benchmark::DoNotOptimize(log.test.log->find_digest(digest_of(name)));
  }
}

void hashes_an_entry(benchmark::State& state) {
  LargeLog& log = large_log();
  sqlite3* database = nullptr;
  sqlite3_open(log.test.database().c_str(), &database);
  sqlite3_stmt* sum = nullptr;
  sqlite3_prepare_v2(database,
                     "SELECT (SELECT sum(length(hashes)) FROM tiles)"
                     " + (SELECT coalesce(sum(length(hash)), 0) FROM open_leaves)",
                     -1, &sum, nullptr);
  sqlite3_step(sum);
  const auto bytes = static_cast<double>(sqlite3_column_int64(sum, 0));
  sqlite3_finalize(sum);
  sqlite3_close(database);
  for (auto _ : state) benchmark::DoNotOptimize(bytes);
  state.counters["bytes"] = bytes / static_cast<double>(log.test.log->head()->size);
}

void audit_published(benchmark::State& state) {
  LargeLog& log = large_log();
  if (!log.test.publish()) return state.SkipWithError("publish failed");
  DirectorySource source(log.test.log->public_directory());
  AuditRequest request;
  request.verifier_key = log.test.log->verifier_key();
  std::uint64_t entries = 0;
  for (auto _ : state) {
    const auto report = audit(source, request);
    if (!report || report->verdict != Verdict::ok) return state.SkipWithError("audit failed");
    entries += report->entries;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(entries));
}

BENCHMARK(add_batches_with_deduplication)->Iterations(1);
BENCHMARK(add_batches_without_deduplication)->Iterations(1)->UseRealTime();
BENCHMARK(start)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(prove_inclusion)->Unit(benchmark::kMicrosecond);
BENCHMARK(find_digest_that_is_not_there)->Unit(benchmark::kMicrosecond);
BENCHMARK(hashes_an_entry)->Iterations(1);
BENCHMARK(audit_published)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
