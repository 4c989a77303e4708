// A log in a real PostgreSQL server.
#include "ledger/postgres_store.h"

#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "ledger/backup.h"
#include "ledger/postgres_connection.h"
#include "ledger/witnessing.h"
#include "libattest/transparency/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/postgres_log.h"
#include "tests/support/postgres_server.h"

using namespace attest;
using namespace attest::ledger;

namespace {

PostgresServer& server() {
  static PostgresServer running;
  return running;
}

std::string name_of(const std::string& url) {
  const std::size_t from = url.find("@/") + 2;
  return url.substr(from, url.find('?') - from);
}

struct SharedLog {
  std::string url = server().new_database();
  TestLog test{system_files(), {}, {}, url};

  std::string sql(const std::string& statements) const {
    return server().sql(statements, name_of(url));
  }
  // other is the same log, as another machine has it.
  LogPlace other(const Path& directory) const {
    LogPlace place;
    place.directory = directory / "log";
    place.store = url;
    place.lease_seconds = 1;
    return place;
  }
  std::unique_ptr<Log> join(const Path& directory) const {
    return must(Log::join(other(directory), test_origin, test.key));
  }
};

}  // namespace

TEST_CASE("a log in PostgreSQL adds, finds, signs, publishes and is opened again") {
  if (skipped()) return;
  SharedLog shared;
  TestLog& test = shared.test;
  std::vector<Bytes> entries;
  for (int i = 0; i < 300; ++i) entries.push_back(test.entry(std::to_string(i)));
  CHECK(must(test.log->add(entries)).back().index == 299);
  must(test.publish());
  CHECK(must(test.add("7")).already_there);
  CHECK(must(test.log->find(Field::subject, artefact("9").text())) ==
        std::vector<std::uint64_t>{9});
  const Head head = must(test.log->head());
  must(test.reopen());
  CHECK(must(test.log->head()) == head);
  CHECK(must(test.add("7")).already_there);
  CHECK(must(test.log->get(299)) == test.entry("299"));
  CHECK_FALSE(must(test.log->make_bundle(artefact("9").text())).empty());
  must(test.add("new"));
  must(test.publish());
  check_sound(*test.log);
}

TEST_CASE("an entry or a hash altered in PostgreSQL stops the signature") {
  if (skipped()) return;
  const std::string sql =
      GENERATE(as<std::string>{}, "UPDATE attest_entries SET bytes = 'x' WHERE id = 1",
               "DELETE FROM attest_entries WHERE id = 1",
               "UPDATE attest_tiles SET hashes = decode(repeat('00', 32), 'hex')");
  SharedLog shared;
  for (const char* name : {"a", "b", "c"}) must(shared.test.add(name));
  must(shared.test.publish());
  shared.sql(sql);
  INFO(sql);
  CHECK(must(fsck(shared.test.log->store())).verdict != Verdict::ok);
  REQUIRE_RULE(shared.test.log->sign_checkpoint(test_time), rules::store_damaged);
}

TEST_CASE("a log is made once in a database, and joined by others") {
  if (skipped()) return;
  SharedLog shared;
  must(shared.test.add("a"));
  must(shared.test.publish());
  const TemporaryDirectory directory;
  const auto place = shared.other(directory.path());
  REQUIRE_RULE(Log::init(place, test_origin, shared.test.key), rules::store_exists);
  std::filesystem::remove_all(place.directory);
  const auto joined = shared.join(directory.path());
  CHECK(must(joined->checkpoint()) == must(shared.test.log->checkpoint()));
  CHECK_FALSE(must(joined->lead()));
  REQUIRE_RULE(publish_checkpoint(*joined, test_time, {}, 0), rules::store_not_leader);
  must(shared.test.add("b"));
  must(shared.test.publish());
  CHECK(must(joined->follow()));
  CHECK_FALSE(must(joined->follow()));
  check_sound(*joined);
  REQUIRE_RULE(Log::join(place, test_origin, shared.test.key), rules::log_locked);
}

TEST_CASE("several writers of one database lose nothing and make one history") {
  if (skipped()) return;
  constexpr std::size_t writers = 3;
  constexpr std::size_t batches = 15;
  constexpr std::size_t batch = 8;
  SharedLog shared;
  std::vector<std::unique_ptr<TemporaryDirectory>> directories;
  std::vector<std::unique_ptr<Log>> logs;
  for (std::size_t i = 0; i < writers; ++i) {
    directories.push_back(std::make_unique<TemporaryDirectory>());
    logs.push_back(shared.join(directories.back()->path()));
  }
  std::vector<std::set<std::uint64_t>> given(writers);
  std::vector<std::thread> threads;
  for (std::size_t writer = 0; writer < writers; ++writer)
    threads.emplace_back([&, writer] {
      for (std::size_t i = 0; i < batches; ++i) {
        std::vector<Bytes> entries;
        for (std::size_t n = 0; n < batch; ++n)
          entries.push_back(
              shared.test.entry(std::to_string(writer) + "-" + std::to_string(i * batch + n)));
        for (auto added = logs[writer]->add(entries);; added = logs[writer]->add(entries)) {
          if (!added) continue;
          for (const Added& one : *added) given[writer].insert(one.index);
          break;
        }
      }
    });
  for (int i = 0; i < 5; ++i) must(shared.test.publish());
  for (std::thread& thread : threads) thread.join();
  must(shared.test.publish());
  std::set<std::uint64_t> all;
  std::uint64_t conflicts = 0;
  for (std::size_t writer = 0; writer < writers; ++writer) {
    CHECK(given[writer].size() == batches * batch);
    all.insert(given[writer].begin(), given[writer].end());
    conflicts += static_cast<PostgresStore&>(logs[writer]->store()).serialization_failures();
  }
  CHECK(all.size() == writers * batches * batch);
  CHECK(conflicts > 0);
  check_sound(*shared.test.log);
}

TEST_CASE("a leader that slept through its lease signs no more, and its entries are kept") {
  if (skipped()) return;
  SharedLog shared;
  must(shared.test.add("before"));
  must(shared.test.publish());
  shared.test.log.reset();
  const TemporaryDirectory sleeper;
  shared.join(sleeper.path()).reset();
  int said[2];
  int asked[2];
  REQUIRE((::pipe(said) == 0 && ::pipe(asked) == 0));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto log = Log::open(shared.other(sleeper.path()), shared.test.key);
    char word = log && (*log)->lead() == true && (*log)->add(shared.test.entry("mine")) ? 'l' : '?';
    if (::write(said[1], &word, 1) != 1 || ::read(asked[0], &word, 1) != 1) _exit(3);
    const auto note = (*log)->sign_checkpoint(test_time);
    const bool refused_it = !note && note.error().rule == rules::store_not_leader;
    _exit(refused_it && (*log)->add(shared.test.entry("later")) ? 0 : 1);
  }
  char word = 0;
  REQUIRE(::read(said[0], &word, 1) == 1);
  REQUIRE(word == 'l');
  ::kill(child, SIGSTOP);
  must(shared.test.reopen());
  while (!must(shared.test.log->lead())) ::usleep(50'000);
  must(shared.test.add("after"));
  must(shared.test.publish());
  ::kill(child, SIGCONT);
  REQUIRE(::write(asked[1], "g", 1) == 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  for (const char* name : {"mine", "later"})
    CHECK(must(shared.test.log->find_digest(sha256(shared.test.entry(name)))).has_value());
  must(shared.test.publish());
  check_sound(*shared.test.log);
}

TEST_CASE("a lost session is begun again, and nothing is assumed of it") {
  if (skipped()) return;
  SharedLog shared;
  must(shared.test.add("a"));
  must(shared.test.publish());
  shared.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE application_name = 'attest-ledger' AND datname = current_database()");
  const auto first = shared.test.add("b");
  if (!first) CHECK(first.error().rule == rules::store_unreachable);
  CHECK(must(shared.test.add("b")).index == 2);
  must(shared.test.publish());
  check_sound(*shared.test.log);
}

TEST_CASE("a database that came back without a commit it had confirmed is refused") {
  if (skipped()) return;
  SharedLog shared;
  must(shared.test.add("a"));
  must(shared.test.publish());
  shared.sql("CREATE TABLE kept AS SELECT * FROM attest_logs");
  must(shared.test.add("b"));
  shared.sql(
      "DELETE FROM attest_logs; INSERT INTO attest_logs SELECT * FROM kept;"
      "DELETE FROM attest_entries WHERE id >= 2;"
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE application_name = 'attest-ledger' AND datname = current_database()");
  (void)shared.test.log->head();  // notices the loss of its session
  REQUIRE_RULE(shared.test.add("c"), rules::store_behind);
  REQUIRE_RULE(shared.test.add("c"), rules::store_behind);
}

TEST_CASE("a commit that the server no longer waits for is of unknown outcome") {
  if (skipped()) return;
  PostgresServer alone;
  const std::string url = alone.new_database();
  TestLog test(system_files(), {}, {}, url);
  must(test.add("a"));
  alone.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  alone.sql("SELECT pg_reload_conf()");
  ::usleep(300'000);
  std::thread impatient([&] {
    std::string waiting;
    while (waiting.empty())
      waiting = alone.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    alone.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
  });
  REQUIRE_RULE(test.add("b"), rules::store_outcome);
  impatient.join();
}

TEST_CASE("a server that does not sync, and a URL with a password in it, are refused") {
  if (skipped()) return;
  PostgresServer careless("fsync = off");
  REQUIRE_RULE(PostgresConnection::connect(careless.url()), rules::store_not_durable);
  REQUIRE_RULE(PostgresConnection::connect("postgresql://me:secret@localhost/log"),
               rules::store_url);
  REQUIRE_RULE(PostgresConnection::connect("postgresql://[nonsense"), rules::store_url);
  REQUIRE_RULE(PostgresConnection::connect("postgresql:///log?host=/nowhere"),
               rules::store_unreachable);
}

TEST_CASE("a backup of a log in PostgreSQL is a SQLite file that is the same log") {
  if (skipped()) return;
  SharedLog shared;
  std::vector<Bytes> entries;
  for (int i = 0; i < 300; ++i) entries.push_back(shared.test.entry(std::to_string(i)));
  must(shared.test.log->add(entries));
  must(shared.test.publish());
  const TemporaryDirectory directory;
  must(back_up(*shared.test.log, system_files(), directory.path() / "backup"));
  LogPlace place;
  place.directory = directory.path() / "restored";
  must(restore(directory.path() / "backup", place, must(shared.test.log->checkpoint()), nullptr));
  const auto log = must(Log::open(place, shared.test.key));
  CHECK(must(log->head()) == must(shared.test.log->head()));
}
