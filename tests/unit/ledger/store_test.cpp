#include "ledger/fsck.h"
#include "ledger/sequencer.h"
#include "ledger/sqlite_store.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/tamper.h"

using namespace attest;
using namespace attest::ledger;

namespace {

void copy_database(const Path& from, const Path& to) {
  for (const char* part : {"", "-wal", "-shm"}) {
    std::filesystem::remove(to.string() + part);
    if (std::filesystem::exists(from.string() + part))
      std::filesystem::copy_file(from.string() + part, to.string() + part);
  }
}

Finding first_finding(TestLog& test) {
  const AuditReport report = must(fsck(test.log->store()));
  REQUIRE_FALSE(report.findings.empty());
  return report.findings.front();
}

// A log of three entries and their map root, closed.
void fill(TestLog& test) {
  for (const char* name : {"a", "b", "c"}) must(test.add(name));
  must(test.publish());
}

}  // namespace

TEST_CASE("a sound database passes fsck, with and without an open checkpoint") {
  TestLog test;
  fill(test);
  must(test.add("d"));
  const AuditReport report = must(fsck(test.log->store()));
  INFO((report.findings.empty() ? "" : report.findings.front().what));
  CHECK(report.verdict == Verdict::ok);
  CHECK(report.statements == 5);
  must(static_cast<SqliteStore&>(test.log->store()).integrity_check());
}

TEST_CASE("an entry altered in the database is named by fsck, and the log refuses to sign") {
  TestLog test;
  fill(test);
  tamper(test.database(),
         "UPDATE entries SET bytes = (SELECT bytes FROM entries WHERE id = 0)"
         " WHERE id = 1");
  const Finding finding = first_finding(test);
  CHECK(finding.verdict == Verdict::corrupt);
  CHECK(finding.entry == 1);
  CHECK(finding.file == "tile/entries/000.p/4");
  CHECK(finding.what.find("does not hash to its leaf") != std::string::npos);
  REQUIRE_RULE(test.log->sign_checkpoint(test_time), rules::store_damaged);
  must(test.add("d"));
  REQUIRE_RULE(test.log->sign_checkpoint(test_time), rules::store_damaged);
  REQUIRE_RULE(test.log->get(1), rules::store_damaged);
}

TEST_CASE("an old entry altered in the database is found before the next signature") {
  TestLog test;
  std::vector<Bytes> entries;
  for (int i = 0; i < 700; ++i) entries.push_back(test.entry(std::to_string(i)));
  must(test.log->add(entries));
  must(test.publish());
  tamper(test.database(), "UPDATE entries SET bytes = x'00' WHERE id = 3");
  REQUIRE_RULE(test.log->sign_checkpoint(test_time), rules::store_damaged);
}

TEST_CASE("a hash altered in the database is named by fsck, and the log refuses to sign") {
  TestLog test;
  fill(test);
  tamper(test.database(), "UPDATE open_leaves SET hash = zeroblob(32)");
  CHECK(first_finding(test).file == "tile/0/000.p/4");
  REQUIRE_RULE(test.log->sign_checkpoint(test_time), rules::store_damaged);
  must(test.log->store().head());
  test.log.reset();
  const auto reopened = Log::open(test.place(), test.key);
  if (reopened) REQUIRE_RULE((*reopened)->add(test.entry("d")), rules::store_damaged);
}

TEST_CASE("a missing entry or map node is found by fsck") {
  const auto [sql, file] = GENERATE(table<const char*, const char*>(
      {{"DELETE FROM entries WHERE id = 1", "tile/entries/000.p/4"},
       {"UPDATE map_nodes SET content = CAST(x'03' || zeroblob(64) AS BLOB) WHERE path = x'0000'",
        "map_nodes"}}));
  TestLog test;
  fill(test);
  tamper(test.database(), sql);
  const AuditReport report = must(fsck(test.log->store()));
  INFO(sql);
  CHECK(std::ranges::any_of(report.findings,
                            [&](const Finding& finding) { return finding.file == file; }));
}

TEST_CASE("a record altered in the index is found by fsck, and an index taken away is made again") {
  const std::string part = GENERATE("digests", "lookups");
  TestLog test(system_files(), {}, {.entries_in_memory = 4});
  fill(test);
  const Path index = test.place().directory / "index" / part;
  Bytes run = must(read_file(index / "0-4"));
  run[80 + 3] ^= std::byte{1};  // in the key of the first record
  must(write_file_atomically(index / "0-4", run));
  must(test.reopen());
  CHECK(first_finding(test).file == part);
  REQUIRE_RULE(static_cast<SqliteStore&>(test.log->store()).integrity_check(),
               rules::index_damaged);
  test.log.reset();
  std::filesystem::remove_all(test.place().directory / "index");
  must(test.reopen());
  CHECK(must(fsck(test.log->store())).verdict == Verdict::ok);
  CHECK(must(test.add("b")).already_there);
}

TEST_CASE("a database of version 1 is brought up, and goes on as the same log") {
  TestLog test;
  must(test.add("a"));
  must(test.publish());
  const Head head = must(test.log->head());
  REQUIRE(head.size == 2);
  test.log.reset();
  std::filesystem::remove_all(test.place().directory / "index");
  tamper(test.database(),
         "CREATE TABLE digests(digest BLOB PRIMARY KEY, entry INTEGER NOT NULL) STRICT;"
         "CREATE TABLE lookups(field INTEGER, key BLOB, entry INTEGER) STRICT;"
         "INSERT INTO tiles SELECT 0, CAST(a.hash || b.hash AS BLOB) FROM open_leaves a,"
         " open_leaves b WHERE a.id = 0 AND b.id = 1;"
         "DROP TABLE open_leaves; PRAGMA user_version = 1");
  must(test.reopen());
  CHECK(must(test.log->head()) == head);
  CHECK(must(fsck(test.log->store())).verdict == Verdict::ok);
  CHECK(must(test.add("a")).already_there);
  CHECK(must(test.add("b")).index == 2);
  must(test.publish());
}

TEST_CASE("without deduplication an entry that is added again gets another index") {
  TestLog test;
  test.log.reset();
  LogPlace place = test.place();
  place.deduplicate = false;
  test.log = must(Log::open(place, test.key));
  CHECK(must(test.add("a")).index == 0);
  CHECK(must(test.add("a")).index == 1);
}

TEST_CASE("an older copy of the database is refused by the signing floor") {
  TestLog test;
  must(test.add("a"));
  must(test.publish());
  test.log.reset();
  const Path kept = test.directory.path() / "kept";
  copy_database(test.database(), kept);
  must(test.reopen());
  must(test.add("b"));
  must(test.publish());
  test.log.reset();
  copy_database(kept, test.database());
  REQUIRE_RULE(Log::open(test.place(), test.key), rules::floor_behind);
}

TEST_CASE("a database that took another course is refused by the signing floor") {
  TestLog test;
  must(test.add("a"));
  must(test.publish());
  test.log.reset();
  const Path kept = test.directory.path() / "kept";
  const Path floor = test.place().directory / "signing-floor";
  copy_database(test.database(), kept);
  const Path kept_floor = test.directory.path() / "kept-floor";
  std::filesystem::copy_file(floor, kept_floor);
  must(test.reopen());
  must(test.add("b"));
  must(test.publish());
  test.log.reset();
  const std::string newer_floor = must(read_text_file(floor));
  // The same size again, by other entries, under the older floor; then the newer floor comes back.
  copy_database(kept, test.database());
  std::filesystem::copy_file(kept_floor, floor, std::filesystem::copy_options::overwrite_existing);
  must(test.reopen());
  must(test.add("c"));
  must(test.log->sign_checkpoint(test_time));
  test.log.reset();
  must(write_file_atomically(floor, as_bytes(newer_floor)));
  REQUIRE_RULE(Log::open(test.place(), test.key), rules::floor_fork);
}

TEST_CASE("a floor that is missing, damaged or another log's is refused") {
  TestLog test;
  test.log.reset();
  const Path floor = test.place().directory / "signing-floor";
  const std::string good = must(read_text_file(floor));
  const auto with = [&](const std::string& text) {
    must(write_file_atomically(floor, as_bytes(text)));
    return Log::open(test.place(), test.key);
  };
  REQUIRE_RULE(with("nonsense"), rules::floor_form);
  REQUIRE_RULE(with(good + "more\n"), rules::floor_form);
  REQUIRE_RULE(with("attest-signing-floor/v1\nlog.example/test\n01x\nAAAA\n"), rules::floor_form);
  std::string renamed = good;
  renamed.replace(renamed.find("/test"), 5, "/best");
  REQUIRE_RULE(with(renamed), rules::floor_origin);
  std::filesystem::remove(floor);
  REQUIRE_RULE(Log::open(test.place(), test.key), rules::floor_missing);
}

TEST_CASE("a floor only rises") {
  const TemporaryDirectory directory;
  const Path file = directory.path() / "floor";
  auto floor = must(SigningFloor::create(system_files(), file, "o"));
  REQUIRE_RULE(SigningFloor::create(system_files(), file, "o"), rules::floor_exists);
  must(floor.advance({5, digest_of("5")}));
  must(floor.advance({5, digest_of("5")}));
  REQUIRE_RULE(floor.advance({4, digest_of("4")}), rules::floor_behind);
  REQUIRE_RULE(floor.advance({5, digest_of("other")}), rules::floor_fork);
  CHECK(must(SigningFloor::open(system_files(), file, "o")).value() ==
        FloorValue{5, digest_of("5")});
}

TEST_CASE("of two writers on one database the slower one fails, reads again and succeeds") {
  TestLog test;
  const auto second = must(SqliteStore::open(test.database()));
  const Head seen = must(second->head());
  must(test.add("a"));
  Commit stale{seen, seen, {}, {}, {}};
  stale.to.size = 1;
  stale.to.root = digest_of("another history");
  REQUIRE_RULE(second->commit(stale), rules::store_head_moved);
  CHECK(must(second->head()) == must(test.log->head()));
  CHECK(must(test.add("b")).index == 1);
}

TEST_CASE("a commit that fails half way leaves nothing of itself") {
  TestLog test;
  must(test.add("a"));
  Store& store = test.log->store();
  const Head head = must(store.head());
  Commit twice{head, head, {}, {}, {}};
  twice.to.size = head.size + 1;
  twice.entries = {{to_bytes("x"), digest_of("x"), {}}};
  const StoredTile tile{0, 0, Bytes(2 * sizeof(Sha256))};
  twice.tiles = {tile, tile};  // a leaf has one row
  CHECK_FALSE(store.commit(twice).has_value());
  CHECK(must(store.head()) == head);
  CHECK_FALSE(must(store.index_of(digest_of("x"))).has_value());
  CHECK(must(test.add("b")).index == 1);
}

TEST_CASE("another program's database, a newer schema and a second creation are refused") {
  const TemporaryDirectory directory;
  const Path file = directory.path() / "db";
  REQUIRE_RULE(SqliteStore::open(file), rules::store_missing);
  must(SqliteStore::create(file, {"o", "k"}));
  REQUIRE_RULE(SqliteStore::create(file, {"o", "k"}), rules::store_exists);
  tamper(file, "PRAGMA user_version = 3");
  REQUIRE_RULE(SqliteStore::open(file), rules::store_schema);
  tamper(file, "PRAGMA user_version = 2; PRAGMA application_id = 7");
  REQUIRE_RULE(SqliteStore::open(file), rules::store_schema);
}
