#include "ledger/audit.h"

#include "ledger/publication.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/map_root.h"
#include "libattest/trust/trust_root.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

AuditReport audit_of(const TestLog& test, const std::string& key = {},
                     const TrustRoot* trust = nullptr) {
  DirectorySource source(test.log->public_directory());
  AuditRequest request;
  request.verifier_key = key.empty() ? test.log->verifier_key() : key;
  request.trust = trust;
  return must(audit(source, request));
}

Path published(const TestLog& test, const std::string& file) {
  return test.log->public_directory() / file;
}

void flip(const Path& file, std::size_t at) {
  Bytes content = must(read_file(file));
  content.at(at) ^= std::byte{1};
  must(write_file_atomically(file, content));
}

void fill(TestLog& test, int entries) {
  std::vector<Bytes> all;
  for (int i = 0; i < entries; ++i) all.push_back(test.entry(std::to_string(i)));
  must(test.log->add(all));
  must(test.publish());
}

// lie_about_the_map publishes a log whose signed map root is not that of its entries.
AuditReport audit_of_a_lie(const transparency::MapRoot& lie, const SigningKey* forger = nullptr) {
  const auto key = new_key();
  const auto verifier = must(transparency::VerifierKey::make(
      test_origin, transparency::NoteKeyType::ed25519, key->public_key()));
  const std::vector<Bytes> entries{
      data_set("a", *key),
      must(transparency::sign_map_root(lie, test_origin, test_time, forger ? *forger : *key)),
      must(transparency::sign_map_root({2, transparency::subject_leaf_hash({}, 0, {}), 0},
                                       test_origin, test_time, *key))};
  transparency::CompactRange range;
  std::vector<Sha256> leaves;
  for (const Bytes& entry : entries) {
    leaves.push_back(transparency::leaf_hash(entry));
    range.append(leaves.back());
  }
  const auto signer =
      must(transparency::NoteSigner::make(test_origin, transparency::NoteKeyType::ed25519, *key));
  const std::string note = must(transparency::sign_note(
      transparency::format_checkpoint({test_origin, 3, range.root(), {}}), std::span(&signer, 1)));
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() / "tile/0/000.p");
  std::filesystem::create_directories(directory.path() / "tile/entries/000.p");
  must(write_file_atomically(directory.path() / "checkpoint", as_bytes(note)));
  must(write_file_atomically(directory.path() / "tile/0/000.p/3",
                             transparency::format_tile(leaves)));
  must(write_file_atomically(directory.path() / "tile/entries/000.p/3",
                             must(transparency::format_bundle(entries))));
  DirectorySource source(directory.path());
  AuditRequest request;
  request.verifier_key = verifier.to_string();
  return must(audit(source, request));
}

}  // namespace

TEST_CASE("an audit names the altered entry, and where its bytes lie") {
  TestLog test;
  fill(test, 300);
  const std::size_t first = 2 + test.entry("0").size();
  flip(published(test, "tile/entries/000"), first + 2 + 40);
  const AuditReport report = audit_of(test);
  REQUIRE(report.verdict == Verdict::corrupt);
  CHECK(report.findings.front().file == "tile/entries/000");
  CHECK(report.findings.front().entry == 1);
  CHECK(report.findings.front().byte == first + 2);
  CHECK(report.findings.front().what.find("the entry was altered") == 0);
}

TEST_CASE("an audit tells an altered tile from an altered entry, to the byte") {
  TestLog test;
  fill(test, 300);
  const auto [file, byte] = GENERATE(table<const char*, unsigned>(
      {{"tile/0/000", 5 * 32 + 7}, {"tile/0/001.p/45", 32 + 1}, {"tile/1/000.p/1", 9}}));
  flip(published(test, file), byte);
  const AuditReport report = audit_of(test);
  REQUIRE(report.verdict == Verdict::corrupt);
  INFO(report.findings.front().what);
  CHECK(report.findings.front().file == file);
  CHECK(report.findings.front().byte == byte);
}

TEST_CASE("an audit tells a lost file from a torn one") {
  TestLog test;
  fill(test, 300);
  const Path tile = published(test, "tile/0/001.p/45");
  const Bytes whole = must(read_file(tile));
  must(write_file_atomically(tile, ByteView(whole).first(100)));
  CHECK(audit_of(test).verdict == Verdict::corrupt);
  CHECK(audit_of(test).findings.front().byte == 100);
  std::filesystem::remove(tile);
  CHECK(audit_of(test).verdict == Verdict::missing);
  must(write_file_atomically(tile, whole));
  std::filesystem::remove(published(test, "tile/entries/001.p/45"));
  CHECK(audit_of(test).verdict == Verdict::missing);
  std::filesystem::remove(published(test, "checkpoint"));
  CHECK(audit_of(test).verdict == Verdict::missing);
}

TEST_CASE("an audit tells another log's checkpoint from a bad signature") {
  TestLog test;
  fill(test, 3);
  const auto other = new_key();
  const auto key_named = [&](const char* name) {
    return must(transparency::VerifierKey::make(name, transparency::NoteKeyType::ed25519,
                                                other->public_key()))
        .to_string();
  };
  CHECK(audit_of(test, key_named("other.example")).verdict == Verdict::wrong_origin);
  CHECK(audit_of(test, key_named(test_origin)).verdict == Verdict::bad_signature);
  must(write_file_atomically(published(test, "checkpoint"), as_bytes("torn")));
  CHECK(audit_of(test).verdict == Verdict::corrupt);
}

TEST_CASE("a log that signs a false subject map is found out") {
  transparency::SubjectMap honest;
  CHECK(audit_of_a_lie({1, digest_of("x"), 2}).findings.front().verdict == Verdict::equivocation);
  CHECK(audit_of_a_lie({0, digest_of("x"), 2}).findings.front().entry == 1);
  const auto forger = new_key();
  CHECK(audit_of_a_lie({1, {}, 0}, forger.get()).findings.front().verdict ==
        Verdict::bad_signature);
}

TEST_CASE("under a trust root an audit checks who signed, and who may speak") {
  TestLog test;
  must(test.add("a"));
  must(test.log->add(release("b", "", *test.publisher)));
  must(test.log->add(data_set("c", *new_key())));
  must(test.publish());
  CHECK(audit_of(test).signatures == 0);
  CHECK(audit_of(test).not_checked.size() == 1);

  const std::string key = to_base64(test.publisher->public_key().spki_der());
  const TrustRoot trust = must(TrustRoot::parse(
      "format = \"attest-trust-root/v1\"\n[root]\nversion = 1\n"
      "expires = \"2036-01-01T00:00:00Z\"\nthreshold = 1\n[[root.key]]\n"
      "name = \"root.example\"\nkey = \"" +
      to_base64(new_key()->public_key().spki_der()) + "\"\n[[issuer]]\nname = \"" + test_issuer +
      "\"\nkey = \"" + key + "\"\nmay = [\"data-set\"]\nsubjects = [\"sha256:*\"]\n"));
  const AuditReport report = audit_of(test, {}, &trust);
  INFO((report.findings.empty() ? "" : report.findings.front().what));
  CHECK(report.verdict == Verdict::ok);
  CHECK(report.signatures == 1);
  CHECK(report.may_not_speak == 2);
}
