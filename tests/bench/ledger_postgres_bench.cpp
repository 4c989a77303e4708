// links: attest::ledger PkgConfig::libpq Threads::Threads benchmark
// sources: ../support/postgres_server.cpp
// What a log in PostgreSQL costs, beside what the server does with bare rows in the same run.
#include <benchmark/benchmark.h>

#include "ledger/postgres_connection.h"
#include "tests/support/postgres_server.h"
#include "tests/support/sample_entries.h"

using namespace attest;
using namespace attest::ledger;

namespace {

PostgresServer& server() {
  static PostgresServer running;
  return running;
}

void copy_bare_rows(benchmark::State& state) {
  if (!postgres_installed()) return state.SkipWithError("there is no PostgreSQL 15 here");
  const auto rows = static_cast<std::size_t>(state.range(0));
  auto database = *PostgresConnection::connect(server().new_database());
  (void)database.run("CREATE TABLE rows(id BIGINT PRIMARY KEY, bytes BYTEA NOT NULL)");
  const Bytes content(330);
  std::uint64_t next = 0;
  for (auto _ : state) {
    Bytes batch;
    for (std::size_t i = 0; i < rows; ++i) {
      append_u16_be(batch, 2);
      append_u32_be(batch, 8);
      append_u64_be(batch, next++);
      append_u32_be(batch, static_cast<std::uint32_t>(content.size()));
      append(batch, content);
    }
    (void)database.run("BEGIN");
    if (!database.copy("COPY rows FROM STDIN WITH (FORMAT binary)", batch) || !database.commit())
      return state.SkipWithError("copy failed");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
}

void add_batches(benchmark::State& state) {
  if (!postgres_installed()) return state.SkipWithError("there is no PostgreSQL 15 here");
  const auto batch_size = static_cast<std::uint64_t>(state.range(0));
  const TestLog test(system_files(), {}, {}, server().new_database());
  const SampleEntries entries(*test.publisher);
  std::uint64_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = entries.batch(next, batch_size);
    next += batch_size;
    state.ResumeTiming();
    if (!test.log->add(batch)) return state.SkipWithError("add failed");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
}

BENCHMARK(copy_bare_rows)->Arg(1)->Arg(1000)->Arg(4000)->UseRealTime();
BENCHMARK(add_batches)->Arg(1)->Arg(1000)->Arg(4000)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
