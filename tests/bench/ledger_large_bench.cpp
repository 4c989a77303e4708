// links: attest::ledger PkgConfig::sqlite3 benchmark
// What a large log costs: filling it in batches, opening it, proving from it, auditing it. One log
// is filled once and then measured. ATTEST_BENCH_ENTRIES says how large (1,000,000 without).
#include <chrono>
#include <cstdlib>
#include <iostream>

#include <benchmark/benchmark.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "ledger/audit.h"
#include "tests/support/sample_entries.h"

using namespace attest;
using namespace attest::ledger;

namespace {

constexpr std::size_t batch_size = 1000;

std::size_t entries_wanted() {
  const char* said = std::getenv("ATTEST_BENCH_ENTRIES");
  return said == nullptr ? 1'000'000 : std::strtoull(said, nullptr, 10);
}

using Clock = std::chrono::steady_clock;
double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

// Rates are entries a second: over all, over the last tenth, and of processor time, which a busy
// machine does not change.
struct Rates {
  double all;
  double last_tenth;
  double of_processor;
};

Rates fill(Log& log, const SampleEntries& entries, std::uint64_t total) {
  Clock::duration all{};
  Clock::duration last{};
  double processor = 0;
  for (std::uint64_t first = 0; first < total; first += batch_size) {
    const auto batch = entries.batch(first, batch_size);
    const double before = processor_seconds();
    const auto start = Clock::now();
    if (!log.add(batch)) std::abort();
    const auto took = Clock::now() - start;
    processor += processor_seconds() - before;
    all += took;
    if (first >= total - total / 10) last += took;
  }
  const auto count = static_cast<double>(total);
  return {count / seconds(all), count / 10 / seconds(last), count / processor};
}

struct LargeLog {
  TestLog test;
  SampleEntries entries{*test.publisher};
  Rates rates = fill(*test.log, entries, entries_wanted());
};

LargeLog& large_log() {
  static LargeLog log;
  return log;
}

void show(benchmark::State& state, const Rates& rates) {
  state.counters["entries/s"] = rates.all;
  state.counters["entries/s_last_tenth"] = rates.last_tenth;
  state.counters["entries/cpu_s"] = rates.of_processor;
}

void add_batches_with_deduplication(benchmark::State& state) {
  const LargeLog& log = large_log();
  for (auto _ : state) benchmark::DoNotOptimize(&log);
  state.counters["entry_bytes"] = static_cast<double>(log.entries.size());
  show(state, log.rates);
}

void add_batches_without_deduplication(benchmark::State& state) {
  TestLog test;
  test.log.reset();
  LogPlace place = test.place();
  place.deduplicate = false;
  const auto log = *Log::open(place, test.key);
  const SampleEntries entries(*test.publisher);
  Rates rates;
  for (auto _ : state) rates = fill(*log, entries, entries_wanted() / 4);
  show(state, rates);
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
// Adding checks form and no signature: whoever takes statements in does, at this price.
void check_one_signature(benchmark::State& state) {
  const LargeLog& log = large_log();
  const Bytes entry = data_set("checked", *log.test.publisher);
  const PublicKey key = log.test.publisher->public_key();
  for (auto _ : state)
    benchmark::DoNotOptimize(statement::verify_statement(*statement::parse_statement(entry), key));
}

BENCHMARK(check_one_signature)->Unit(benchmark::kMicrosecond);
BENCHMARK(audit_published)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
