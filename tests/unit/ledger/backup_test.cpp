#include "ledger/backup.h"

#include <sqlite3.h>

#include "ledger/fsck.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

struct Backed {
  TestLog test;
  Path backup = test.directory.path() / "backup";
  LogPlace elsewhere;

  Backed() {
    must(test.add("a"));
    must(test.publish());
    must(test.add("b"));  // durable, and under no checkpoint yet
    must(back_up(*test.log, system_files(), backup));
    elsewhere.directory = test.directory.path() / "restored";
  }
  std::string newest() { return must(test.log->checkpoint()); }
  void grow() {
    std::vector<Bytes> entries;
    for (int i = 0; i < 300; ++i) entries.push_back(test.entry(std::to_string(i)));
    must(test.log->add(entries));
    must(test.publish());
    must(test.add("last"));
    must(test.publish());
  }
  Result<Restored> restored(const std::string& note, TileSource* mirror = nullptr) {
    return restore(backup, elsewhere, note, mirror);
  }
};

}  // namespace

TEST_CASE("a backup taken while the log runs is restored, and the log goes on") {
  Backed backed;
  const Restored restored = must(backed.restored(backed.newest()));
  CHECK(restored.in_backup == 3);
  CHECK(restored.recovered == 0);
  const auto log = must(Log::open(backed.elsewhere, backed.test.key));
  CHECK(must(log->get(2)) == backed.test.entry("b"));
  CHECK(must(log->add(backed.test.entry("b"))).already_there);
  must(log->publish(must(log->sign_checkpoint(test_time))));
  CHECK(must(fsck(log->store())).verdict == Verdict::ok);
}

TEST_CASE("an old backup alone is refused; with the published tiles it becomes the whole log") {
  Backed backed;
  backed.grow();
  REQUIRE_RULE(backed.restored(backed.newest()), rules::restore_behind);
  REQUIRE_RULE(Log::open(backed.elsewhere, backed.test.key), rules::store_missing);
  DirectorySource mirror(backed.test.log->public_directory());
  const Restored restored = must(backed.restored(backed.newest(), &mirror));
  const Head head = must(backed.test.log->head());
  CHECK(restored.in_backup + restored.recovered == head.size);
  const auto log = must(Log::open(backed.elsewhere, backed.test.key));
  CHECK(must(log->head()) == head);
  CHECK(must(fsck(log->store())).verdict == Verdict::ok);
  must(log->add(backed.test.entry("after")));
  const std::string next = must(log->sign_checkpoint(test_time));
  must(log->publish(next));
}

TEST_CASE("a mirror that bends an entry, or lacks one, restores nothing") {
  Backed backed;
  backed.grow();
  const Path bundle = backed.test.log->public_directory() / "tile/entries/000";
  const Bytes sound = must(read_file(bundle));
  Bytes bent = sound;
  bent[sound.size() - 10] ^= std::byte{1};
  must(write_file_atomically(bundle, bent));
  DirectorySource mirror(backed.test.log->public_directory());
  CHECK_FALSE(backed.restored(backed.newest(), &mirror));
  std::filesystem::remove(bundle);
  REQUIRE_RULE(backed.restored(backed.newest(), &mirror), rules::restore_missing);
  must(write_file_atomically(bundle, sound));
  must(backed.restored(backed.newest(), &mirror));
}

TEST_CASE("a backup is not restored over a log, under a foreign checkpoint, or when damaged") {
  Backed backed;
  TestLog other;
  CHECK_FALSE(backed.restored(must(other.publish())));
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open((backed.backup / "ledger.db").c_str(), &database) == SQLITE_OK);
  sqlite3_exec(database, "UPDATE entries SET bytes = x'00' WHERE id = 0", nullptr, nullptr,
               nullptr);
  sqlite3_close(database);
  REQUIRE_RULE(backed.restored(backed.newest()), rules::restore_damaged);
  std::filesystem::remove_all(backed.backup);
  must(back_up(*backed.test.log, system_files(), backed.backup));
  REQUIRE_RULE(back_up(*backed.test.log, system_files(), backed.backup), rules::store_exists);
  must(backed.restored(backed.newest()));
  REQUIRE_RULE(backed.restored(backed.newest()), rules::store_exists);
}

TEST_CASE("a restored log obeys the floor it finds") {
  Backed backed;
  const std::string older = backed.newest();
  backed.grow();
  const FloorValue floor{must(backed.test.log->head()).size, must(backed.test.log->head()).root};
  must(system_files().make_directories(backed.elsewhere.directory));
  auto kept = must(SigningFloor::create(system_files(),
                                        backed.elsewhere.directory / "signing-floor", test_origin));
  must(kept.advance(floor));
  REQUIRE_RULE(backed.restored(older), rules::restore_behind);
}

TEST_CASE("a frozen log takes no entries, now or when it is opened again, and still proves") {
  TestLog test;
  must(test.add("a"));
  must(test.publish());
  CHECK_FALSE(test.log->frozen());
  must(test.log->freeze());
  REQUIRE_RULE(test.add("b"), rules::log_frozen);
  must(test.reopen());
  CHECK(test.log->frozen());
  REQUIRE_RULE(test.add("b"), rules::log_frozen);
  CHECK(must(test.log->prove_inclusion(0, 2)).path.size() == 1);
}

TEST_CASE("a log whose disk is nearly full takes no entries, signs what it has, and goes on") {
  TestLog test;
  must(test.add("a"));
  test.log.reset();
  LogPlace place = test.place();
  place.headroom = ~std::uint64_t{0};
  test.log = must(Log::open(place, test.key));
  REQUIRE_RULE(test.add("b"), rules::log_disk_low);
  CHECK(must(test.log->get(0)) == test.entry("a"));
  must(test.publish());
  must(test.reopen());
  CHECK(must(test.add("b")).index == 2);
}
