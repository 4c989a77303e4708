#include "ledger/repair.h"

#include "ledger/backup.h"
#include "ledger/fsck.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/tamper.h"

using namespace attest;
using namespace attest::ledger;

namespace {

// A log of 700 entries, published, with a mirror of its files; three more entries came since.
struct Mirrored {
  TestLog test{system_files(), {}, {.entries_in_memory = 64}};
  TemporaryDirectory directory;
  Path mirror_path = directory.path() / "mirror";
  std::shared_ptr<DirectorySource> mirror;

  Mirrored() {
    std::vector<Bytes> entries;
    for (int i = 0; i < 700; ++i) entries.push_back(test.entry(std::to_string(i)));
    must(test.log->add(entries));
    must(test.publish());
    std::filesystem::copy(test.log->public_directory(), mirror_path,
                          std::filesystem::copy_options::recursive);
    mirror = std::make_shared<DirectorySource>(mirror_path);
    for (const char* name : {"a", "b", "c"}) must(test.add(name));
  }
  void damage(const std::string& sql) const { tamper(test.database(), sql); }
  Verdict verdict() { return must(fsck(test.log->store())).verdict; }
  // with_mirror opens the log as one that repairs itself.
  std::unique_ptr<Log> with_mirror() {
    test.log.reset();
    LogPlace place = test.place();
    place.mirror = mirror;
    return must(Log::open(place, test.key));
  }
};

constexpr const char* one_entry = "UPDATE entries SET bytes = x'00' WHERE id = 3";

}  // namespace

TEST_CASE("what rotted in a database is put back from a mirror, in place") {
  const std::string sql = GENERATE(
      as<std::string>{}, one_entry, "DELETE FROM entries WHERE id = 300",
      "UPDATE entries SET bytes = x'' WHERE id > 600 "
      "AND id < 640",
      "UPDATE tiles SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE id = 0",
      "UPDATE tiles SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB)"
      " WHERE id = 72057594037927936",
      "DELETE FROM tiles WHERE id = 1",
      "UPDATE open_leaves SET hash = zeroblob(32) WHERE id = 600");
  Mirrored log;
  log.damage(sql);
  INFO(sql);
  REQUIRE(log.verdict() != Verdict::ok);
  const Repaired repaired = must(log.test.log->repair(*log.mirror));
  CHECK(repaired.bundles >= 1);
  CHECK(log.verdict() == Verdict::ok);
  must(log.test.publish());
}

TEST_CASE("a sound database is left as it is") {
  Mirrored log;
  const Repaired repaired = must(log.test.log->repair(*log.mirror));
  CHECK((repaired.bundles == 0 && repaired.tiles == 0 && !repaired.index));
}

TEST_CASE("a mirror of other bytes is refused, and nothing of it is written") {
  Mirrored log;
  log.damage(one_entry);
  const Path bundle = log.mirror_path / "tile/entries/000";
  Bytes content = must(read_file(bundle));
  content[40] ^= std::byte{1};
  must(write_file_atomically(bundle, content));
  REQUIRE_RULE(log.test.log->repair(*log.mirror), rules::repair_mirror);
  CHECK(must(log.test.log->store().entries(3, 1)).front() == Bytes{std::byte{0}});
  std::filesystem::remove(bundle);
  REQUIRE_RULE(log.test.log->repair(*log.mirror), rules::restore_missing);
}

TEST_CASE("a log with a mirror repairs what it meets, on a read and before a signature") {
  Mirrored mirrored;
  const auto log = mirrored.with_mirror();
  mirrored.damage(one_entry);
  CHECK(must(log->get(3)) == mirrored.test.entry("3"));
  mirrored.damage("UPDATE entries SET bytes = x'00' WHERE id = 4");
  must(log->sign_checkpoint(test_time));
  CHECK(must(fsck(log->store())).verdict == Verdict::ok);
}

TEST_CASE("damage that no mirror covers yet stays an error, and says that it was not repaired") {
  Mirrored mirrored;
  const auto log = mirrored.with_mirror();
  mirrored.damage("UPDATE entries SET bytes = x'00' WHERE id = 702");
  REQUIRE_RULE(log->get(702), rules::store_damaged);
}

TEST_CASE("a damaged index is made again by a repair") {
  Mirrored log;
  must(log.test.reopen());
  const Path index = log.test.place().directory / "index/digests";
  for (const auto& file : std::filesystem::directory_iterator(index)) {
    Bytes run = must(read_file(file.path()));
    run[90] ^= std::byte{1};
    must(write_file_atomically(file.path(), run));
  }
  must(log.test.reopen());
  CHECK(must(log.test.log->repair(*log.mirror)).index);
  CHECK(log.verdict() == Verdict::ok);
  CHECK(must(log.test.add("7")).already_there);
}
