#include "ledger/monitor.h"

#include "libattest/transparency/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

struct Watched {
  TestLog test;
  MonitorRequest request;

  Watched() {
    must(test.add("a"));
    must(test.publish());
    request.verifier_key = test.log->verifier_key();
  }
  Path published() const { return test.log->public_directory(); }
  Result<MonitorReport> look() {
    DirectorySource source(published());
    return monitor(source, request);
  }
  void seen() { request.last = must(look()).note; }
  void replace(const std::string& file, ByteView content) {
    must(write_file_atomically(published() / file, content));
  }
  // signed_by_the_log is a checkpoint that only the log's key could have made.
  std::string signed_by_the_log(std::uint64_t size, const Sha256& root) {
    const auto signer = must(
        transparency::NoteSigner::make(test_origin, transparency::NoteKeyType::ed25519, *test.key));
    return must(transparency::sign_note(
        transparency::format_checkpoint({test_origin, size, root, {}}), std::span(&signer, 1)));
  }
};

}  // namespace

TEST_CASE("a log that only grows raises no alarm, and watched entries are told of") {
  Watched watched;
  watched.seen();
  for (int i = 0; i < 300; ++i) must(watched.test.add(std::to_string(i)));
  must(watched.test.publish());
  watched.request.subjects = {artefact("7").text(), artefact("elsewhere").text()};
  watched.request.promises = {{2, transparency::leaf_hash(watched.test.entry("0"))}};
  const MonitorReport report = must(watched.look());
  INFO(report.what);
  CHECK(report.alarm == Alarm::none);
  CHECK(report.from == 2);
  CHECK(report.size == 303);
  CHECK(report.entries == 301);
  REQUIRE(report.sightings.size() == 1);
  CHECK(report.sightings.front().index == 9);
}

TEST_CASE("a watched key's entries are told of") {
  Watched watched;
  const std::string signer = "signer:" + to_hex(watched.test.publisher->public_key().thumbprint());
  watched.request.subjects = {signer};
  const MonitorReport report = must(watched.look());
  REQUIRE(report.sightings.size() == 1);
  CHECK(report.sightings.front().subject == signer);
}

TEST_CASE("a log that shows less than before has been rolled back") {
  Watched watched;
  const Bytes before = must(read_file(watched.published() / "checkpoint"));
  must(watched.test.add("b"));
  must(watched.test.publish());
  watched.seen();
  watched.replace("checkpoint", before);
  CHECK(must(watched.look()).alarm == Alarm::rollback);
}

TEST_CASE("two roots of one size are a split view") {
  Watched watched;
  watched.seen();
  watched.replace("checkpoint", as_bytes(watched.signed_by_the_log(2, digest_of("other"))));
  CHECK(must(watched.look()).alarm == Alarm::split_view);
}

TEST_CASE("a longer log of another beginning is a split view") {
  Watched watched;
  TestLog other;
  must(other.add("x"));
  must(other.add("y"));
  must(other.publish());
  const Head head = must(other.log->head());
  const std::string note = watched.signed_by_the_log(head.size, head.root);
  watched.seen();
  std::filesystem::remove_all(watched.published());
  std::filesystem::copy(other.log->public_directory(), watched.published(),
                        std::filesystem::copy_options::recursive);
  watched.replace("checkpoint", as_bytes(note));
  CHECK(must(watched.look()).alarm == Alarm::split_view);
}

TEST_CASE("tiles that do not hash to the root, and entries that do not hash to their leaves") {
  Watched watched;
  const auto bent = [&](const std::string& file) {
    Bytes content = must(read_file(watched.published() / file));
    content.back() ^= std::byte{1};
    return content;
  };
  const std::string tile = GENERATE("tile/0/000.p/2", "tile/entries/000.p/2");
  watched.replace(tile, bent(tile));
  CHECK(must(watched.look()).alarm == Alarm::corrupt);
}

TEST_CASE("a checkpoint by another key raises an alarm, a file that is missing none") {
  Watched watched;
  std::filesystem::remove(watched.published() / "tile/entries/000.p/2");
  REQUIRE_RULE(watched.look(), rules::monitor_missing);
  TestLog other;
  watched.request.verifier_key = other.log->verifier_key();
  CHECK(must(watched.look()).alarm == Alarm::bad_signature);
}

TEST_CASE("a promise that is not kept, or kept with another entry, is a missed merge") {
  Watched watched;
  watched.request.promises = {{5, digest_of("promised")}};
  CHECK(must(watched.look()).alarm == Alarm::missed_merge);
  watched.request.promises = {{0, digest_of("another")}};
  CHECK(must(watched.look()).alarm == Alarm::missed_merge);
}
