// links: attest::ledger Threads::Threads
// How long it takes from adding an entry to a published checkpoint that covers it, while callers
// offer a steady load. ATTEST_BENCH_RATE says how many a second (10,000 without), and
// ATTEST_BENCH_SECONDS for how long (10). Checkpoints are made every 50 ms. Signatures of
// statements are not checked here.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "ledger/add_queue.h"
#include "tests/support/sample_entries.h"

using namespace attest;
using namespace attest::ledger;

namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t asked(const char* name, std::uint64_t otherwise) {
  const char* said = std::getenv(name);
  return said == nullptr ? otherwise : std::strtoull(said, nullptr, 10);
}

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

struct Given {
  std::uint64_t index;
  Clock::time_point added;
  Clock::time_point durable;
};

struct Covered {
  std::uint64_t size;
  Clock::time_point when;
};

double at(const std::vector<double>& sorted, double part) {
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(part * double(sorted.size() - 1))];
}

void show(const char* what, std::vector<double> times) {
  std::ranges::sort(times);
  std::printf("%-14s p50 %.0f ms   p99 %.0f ms   longest %.0f ms\n", what, at(times, 0.5),
              at(times, 0.99), at(times, 1));
}

}  // namespace

int main() {
  const std::uint64_t rate = asked("ATTEST_BENCH_RATE", 10'000);
  const std::uint64_t total = rate * asked("ATTEST_BENCH_SECONDS", 10);
  constexpr std::uint64_t callers = 512;
  constexpr std::chrono::milliseconds interval(50);

  TestLog test;
  const SampleEntries entries(*test.publisher);
  AddQueue queue(*test.log);
  std::atomic<bool> done = false;
  std::vector<Covered> covered;
  std::jthread publisher([&] {
    for (bool last = false; !last;) {
      last = done;
      const auto next = Clock::now() + interval;
      if (!test.publish()) std::abort();
      covered.push_back({test.log->head()->size, Clock::now()});
      std::this_thread::sleep_until(next);
    }
  });

  std::vector<std::vector<Given>> given(callers);
  std::atomic<std::uint64_t> refused = 0;
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t caller = 0; caller < callers; ++caller)
      threads.emplace_back([&, caller] {
        for (std::uint64_t n = caller; n < total; n += callers) {
          const auto due = start + std::chrono::nanoseconds(1'000'000'000ULL * n / rate);
          std::this_thread::sleep_until(due);
          // The clock runs from when the entry was due: a caller that is late counts as waiting.
          if (const auto added = queue.add(entries.entry(n)))
            given[caller].push_back({added->index, due, Clock::now()});
          else
            ++refused;
        }
      });
  }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  done = true;
  publisher.join();

  std::vector<double> durable;
  std::vector<double> proven;
  for (const auto& mine : given)
    for (const Given& one : mine) {
      const auto by = std::ranges::upper_bound(covered, one.index, {}, &Covered::size);
      durable.push_back(milliseconds(one.durable - one.added));
      proven.push_back(milliseconds(std::max(by->when, one.durable) - one.added));
    }
  std::printf("%zu entries in %.1f s (%.0f a second offered), %llu turned away\n", proven.size(),
              took, double(rate), static_cast<unsigned long long>(refused.load()));
  show("to an index", durable);
  show("to a proof", proven);
}
