// links: attest::ledger PkgConfig::sqlite3 benchmark
// What the ledger costs, beside what the disk and the database under it cost in the same run.
#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include "libattest/transparency/tree.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

constexpr std::size_t batch_size = 1000;
constexpr int payload_size = 300;

// prepared_entries are signed beforehand: signing is the publisher's work, not the log's.
std::vector<Bytes> prepared_entries(const TestLog& test, std::size_t count, std::size_t from = 0) {
  std::vector<Bytes> entries;
  entries.reserve(count);
  for (std::size_t i = 0; i < count; ++i) entries.push_back(test.entry(std::to_string(from + i)));
  return entries;
}

void raw_sqlite_row(benchmark::State& state) {
  const TemporaryDirectory directory;
  sqlite3* database = nullptr;
  sqlite3_open((directory.path() / "db").c_str(), &database);
  sqlite3_exec(database,
               "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "CREATE TABLE rows(id INTEGER PRIMARY KEY, bytes BLOB)",
               nullptr, nullptr, nullptr);
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(database, "INSERT INTO rows(bytes) VALUES(?1)", -1, &insert, nullptr);
  const std::string row(payload_size, 'x');
  for (auto _ : state) {
    sqlite3_reset(insert);
    sqlite3_bind_text(insert, 1, row.data(), payload_size, SQLITE_STATIC);
    sqlite3_step(insert);
  }
  sqlite3_finalize(insert);
  sqlite3_close(database);
  state.SetItemsProcessed(state.iterations());
}

void file_sync(benchmark::State& state) {
  const TemporaryDirectory directory;
  const auto file = *system_files().open(directory.path() / "file", OpenMode::create_new, 0600);
  const Bytes page(4096);
  std::uint64_t offset = 0;
  for (auto _ : state) {
    (void)file->write_at(offset, page);
    (void)file->sync();
    offset += page.size();
  }
  state.SetItemsProcessed(state.iterations());
}

void add_one_durably(benchmark::State& state) {
  TestLog test;
  const auto entries = prepared_entries(test, static_cast<std::size_t>(state.max_iterations));
  std::size_t next = 0;
  for (auto _ : state)
    if (!test.log->add(entries[next++])) state.SkipWithError("add failed");
  state.SetItemsProcessed(state.iterations());
}

void add_batch(benchmark::State& state) {
  TestLog test;
  std::size_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto entries = prepared_entries(test, batch_size, next);
    next += batch_size;
    state.ResumeTiming();
    if (!test.log->add(entries)) state.SkipWithError("add failed");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch_size));
}

void sign_after_batch(benchmark::State& state) {
  TestLog test;
  std::size_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    if (!test.log->add(prepared_entries(test, batch_size, next))) state.SkipWithError("add failed");
    next += batch_size;
    state.ResumeTiming();
    if (!test.log->sign_checkpoint(test_time)) state.SkipWithError("sign failed");
  }
}

void prove_inclusion(benchmark::State& state) {
  TestLog test;
  for (std::size_t i = 0; i < 20; ++i)
    (void)test.log->add(prepared_entries(test, batch_size, i * batch_size));
  const std::uint64_t size = test.log->head()->size;
  std::uint64_t index = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(test.log->prove_inclusion(index, size));
    index = (index + 7919) % size;
  }
}

void verify_inclusion(benchmark::State& state) {
  TestLog test;
  (void)test.log->add(prepared_entries(test, batch_size));
  const Head head = *test.log->head();
  const auto proof = *test.log->prove_inclusion(3, head.size);
  const Sha256 leaf = transparency::leaf_hash(*test.log->get(3));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        transparency::verify_inclusion(3, head.size, leaf, proof.path, head.root));
}

BENCHMARK(file_sync)->UseRealTime();
BENCHMARK(raw_sqlite_row)->UseRealTime();
BENCHMARK(add_one_durably)->UseRealTime();
BENCHMARK(add_batch)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sign_after_batch)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(prove_inclusion);
BENCHMARK(verify_inclusion);

}  // namespace

BENCHMARK_MAIN();
