#include "ledger/audit.h"

#include "ledger/publication.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/map_root.h"
#include "libattest/transparency/subject_map.h"
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

// A log of one statement, a map root that may be a lie, and an honest map root.
class SmallLog {
 public:
  SmallLog() : key(new_key()), statement(data_set("a", *key)) {
    const Sha256 leaf = transparency::leaf_hash(statement);
    honest.add(artefact("a").text(), 0, leaf);
    honest.add(statement::Subject::signer(key->public_key().thumbprint()).text(), 0, leaf);
  }

  AuditReport audit_with(const transparency::MapRoot& said, const SigningKey& signer) {
    const auto root_entry = [&](const transparency::MapRoot& root, const SigningKey& by) {
      return must(transparency::sign_map_root(root, test_origin, test_time, by));
    };
    publish({statement, root_entry(said, signer),
             root_entry({2, honest.root(), honest.subjects()}, *key)});
    DirectorySource source(directory.path());
    AuditRequest request;
    request.verifier_key =
        must(transparency::VerifierKey::make(test_origin, transparency::NoteKeyType::ed25519,
                                             key->public_key()))
            .to_string();
    return must(audit(source, request));
  }

  std::shared_ptr<const SigningKey> key;
  Bytes statement;
  transparency::SubjectMap honest;

 private:
  void publish(const std::vector<Bytes>& entries) {
    std::vector<Sha256> leaves;
    for (const Bytes& entry : entries) leaves.push_back(transparency::leaf_hash(entry));
    const auto signer =
        must(transparency::NoteSigner::make(test_origin, transparency::NoteKeyType::ed25519, *key));
    const std::string text = transparency::format_checkpoint(
        {test_origin, entries.size(), transparency::root_of(leaves), {}});
    write("checkpoint", as_bytes(must(transparency::sign_note(text, std::span(&signer, 1)))));
    write("tile/0/000.p/3", transparency::format_tile(leaves));
    write("tile/entries/000.p/3", must(transparency::format_bundle(entries)));
  }

  void write(const char* file, ByteView content) {
    std::filesystem::create_directories((directory.path() / file).parent_path());
    must(write_file_atomically(directory.path() / file, content));
  }

  TemporaryDirectory directory;
};

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

TEST_CASE("a log that signs a false subject map is found out, by the entry that lies") {
  SmallLog log;
  const transparency::MapRoot truth{1, log.honest.root(), log.honest.subjects()};
  CHECK(log.audit_with(truth, *log.key).verdict == Verdict::ok);

  auto lie = truth;
  SECTION("another root") {
    lie.root = digest_of("x");
  }
  SECTION("another number of subjects") {
    lie.subjects = 3;
  }
  SECTION("another place in the log") {
    lie.size = 0;
  }
  if (lie == truth) return;
  const AuditReport report = log.audit_with(lie, *log.key);
  CHECK(report.verdict == Verdict::equivocation);
  CHECK(report.findings.size() == 1);
  CHECK(report.findings.front().entry == 1);
}

TEST_CASE("a map root that another key signed is found out") {
  SmallLog log;
  const AuditReport report =
      log.audit_with({1, log.honest.root(), log.honest.subjects()}, *new_key());
  CHECK(report.verdict == Verdict::bad_signature);
  CHECK(report.findings.front().entry == 1);
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
