#include "ledger/add_queue.h"

#include <atomic>
#include <set>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

TEST_CASE("entries from many threads each get an index of their own") {
  TestLog test;
  AddQueue queue(*test.log);
  constexpr std::size_t threads = 8;
  constexpr std::size_t each = 20;
  std::vector<std::vector<std::uint64_t>> indexes(threads);
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> callers;
    for (std::size_t t = 0; t < threads; ++t)
      callers.emplace_back([&, t] {
        for (std::size_t i = 0; i < each; ++i) {
          const auto added = queue.add(test.entry(std::to_string(t) + "/" + std::to_string(i)));
          if (added)
            indexes[t].push_back(added->index);
          else
            ++failures;
        }
      });
  }
  CHECK(failures == 0);
  std::set<std::uint64_t> all;
  for (const auto& some : indexes) all.insert(some.begin(), some.end());
  CHECK(all.size() == threads * each);
  CHECK(must(test.log->head()).size == threads * each);
}

TEST_CASE("a full queue turns callers away instead of growing") {
  TestLog test;
  AddQueue queue(*test.log, {.batch = 1, .waiting = 0});
  REQUIRE_RULE(queue.add(test.entry("a")), rules::queue_full);
}

TEST_CASE("a refused entry does not take its neighbours along") {
  TestLog test;
  AddQueue queue(*test.log);
  std::atomic<int> added = 0;
  std::atomic<int> refused_entries = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 12; ++i)
      callers.emplace_back([&, i] {
        const Bytes entry = i % 3 == 0 ? to_bytes("junk") : test.entry(std::to_string(i));
        ++(queue.add(entry) ? added : refused_entries);
      });
  }
  CHECK(added == 8);
  CHECK(refused_entries == 4);
}
