// A log in PostgreSQL whose primary is killed under load: nothing acknowledged is lost where the
// standby had it, and nothing is signed where the standby was behind.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "ledger/postgres_connection.h"
#include "ledger/postgres_store.h"
#include "libattest/transparency/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/fault_rounds.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/postgres_log.h"
#include "tests/support/postgres_server.h"

using namespace attest;
using namespace attest::ledger;

namespace {

void wait_for_standby(PostgresServer& primary) {
  primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
  primary.sql("SELECT pg_reload_conf()");
  while (primary.sql("SELECT sync_state FROM pg_stat_replication").find("sync") != 0)
    ::usleep(50'000);
}

// Writers add until they are told to stop, and remember what was acknowledged.
class Load {
 public:
  Load(const TestLog& test, Log& log, int writers) : test_(&test), log_(&log) {
    for (int i = 0; i < writers; ++i) threads_.emplace_back([this, i] { write(i); });
  }
  ~Load() { stop(); }
  std::size_t acknowledged() {
    const std::lock_guard lock(mutex_);
    return kept_.size();
  }
  void wait_for(std::size_t more) {
    const std::size_t wanted = acknowledged() + more;
    while (acknowledged() < wanted) ::usleep(10'000);
  }
  std::vector<std::pair<Bytes, std::uint64_t>> stop() {
    stopping_ = true;
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
    return kept_;
  }

 private:
  void write(int writer) {
    for (int i = 0; !stopping_; ++i) {
      const Bytes entry = test_->entry(std::to_string(writer) + "-" + std::to_string(i));
      auto added = log_->add(entry);
      // A commit of unknown outcome, or no server: the same bytes again get the index they have.
      while (!added && !stopping_) {
        ::usleep(20'000);
        added = log_->add(entry);
      }
      const std::lock_guard lock(mutex_);
      if (added) kept_.emplace_back(entry, added->index);
    }
  }

  const TestLog* test_;
  Log* log_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<std::pair<Bytes, std::uint64_t>> kept_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("a primary killed under load is followed by its standby, and nothing is lost or forked") {
  if (skipped()) return;
  for (int round = 0; round < fault_rounds(); ++round) {
    PostgresServer primary;
    primary.sql("CREATE DATABASE log");
    PostgresServer standby(primary, "standby");
    wait_for_standby(primary);
    TestLog test(system_files(), {}, {}, primary.url_with(standby, "log"));
    Load load(test, *test.log, 3);
    load.wait_for(10);
    const std::string before = must(test.publish());
    load.wait_for(10 + static_cast<std::size_t>(round) * 7);
    primary.kill();
    standby.promote();
    load.wait_for(20);
    for (const auto& [entry, index] : load.stop()) CHECK(must(test.log->get(index)) == entry);
    must(test.publish());
    const auto parsed = must(transparency::parse_note(as_bytes(before)));
    const auto old = must(transparency::parse_checkpoint(parsed.text));
    const Head head = must(test.log->head());
    must(transparency::verify_consistency(old.size, old.root, head.size, head.root,
                                          must(test.log->prove_consistency(old.size, head.size))));
    check_sound(*test.log);
  }
}

TEST_CASE("a server killed under load and started again has all that it confirmed", "[.long]") {
  if (skipped()) return;
  PostgresServer server;
  TestLog test(system_files(), {}, {}, server.new_database());
  for (int round = 0; round < fault_rounds(); ++round) {
    Load load(test, *test.log, 3);
    load.wait_for(10);
    server.kill();
    server.start();
    load.wait_for(10);
    for (const auto& [entry, index] : load.stop()) CHECK(must(test.log->get(index)) == entry);
  }
  must(test.publish());
  check_sound(*test.log);
}

TEST_CASE(
    "a standby that was behind when it was promoted is refused, at once and after a restart") {
  if (skipped()) return;
  PostgresServer primary;
  primary.sql("CREATE DATABASE log");
  TestLog test(system_files(), {}, {}, primary.url("log"));
  must(test.add("kept"));
  must(test.publish());
  PostgresServer standby(primary, "standby");
  test.log.reset();
  standby.kill();
  LogPlace place = test.place();
  place.store = primary.url_with(standby, "log");
  test.log = must(Log::open(place, test.key));
  must(test.add("lost"));
  must(test.publish());
  primary.kill();
  standby.start();
  standby.promote();
  const auto first = test.add("more");
  REQUIRE_FALSE(first.has_value());
  REQUIRE_RULE(test.add("more"), rules::store_behind);
  test.log.reset();
  REQUIRE_RULE(Log::open(place, test.key), rules::floor_behind);
}
