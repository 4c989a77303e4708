#include "ledger/log.h"

#include <set>

#include "ledger/audit.h"
#include "ledger/bundle_writer.h"
#include "ledger/entry_form.h"
#include "libattest/base/cbor.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/map_root.h"
#include "libattest/transparency/status.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

transparency::LogVerifiers verifiers(const Log& log) {
  return {log.origin(), {must(transparency::VerifierKey::parse(log.verifier_key()))}, {}, 0};
}

transparency::VerifiedCheckpoint verified(const Log& log, const std::string& note) {
  return must(transparency::verify_checkpoint(as_bytes(note), verifiers(log)));
}

std::vector<Sha256> hashes_in(const cbor::Value& list) {
  std::vector<Sha256> hashes;
  for (const cbor::Value& each : *list.as_array()) {
    Sha256 hash;
    std::ranges::copy(*each.as_bytes(), hash.begin());
    hashes.push_back(hash);
  }
  return hashes;
}

transparency::UntrustedEntry placed(const cbor::Value& value) {
  return {*value.find("entry")->as_bytes(), *value.find("index")->as_unsigned(),
          hashes_in(*value.find("path"))};
}

// BundleReader verifies a bundle with nothing but the log's key, as lineage does.
struct BundleReader {
  std::map<std::uint64_t, Sha256> leaves;
  std::map<std::string, std::vector<std::uint64_t>> status;

  BundleReader(const Log& log, const Bytes& bytes) {
    const auto bundle = must(cbor::decode(bytes, cbor::Form::deterministic));
    const auto checkpoint = verified(log, *bundle.find("checkpoint")->as_text());
    const auto map_root = must(transparency::verify_map_root(
        checkpoint, placed(*bundle.find("map_root")), verifiers(log)));
    for (const auto& each : *bundle.find("entries")->as_array()) {
      const auto entry = placed(each);
      leaves[entry.index] = transparency::leaf_hash(entry.entry);
      must(transparency::verify_inclusion(entry.index, checkpoint.size(), leaves[entry.index],
                                          entry.path, checkpoint.root()));
    }
    for (const auto& each : *bundle.find("status")->as_array()) check(map_root, each);
  }

  void check(const transparency::VerifiedMapRoot& map_root, const cbor::Value& value) {
    transparency::UntrustedStatus claim;
    claim.subject = *value.find("subject")->as_text();
    for (const auto& index : *value.find("indexes")->as_array())
      claim.indexes.push_back(*index.as_unsigned());
    claim.proof.siblings = hashes_in(*value.find("siblings"));
    if (const auto* other = value.find("other"); !other->is_null()) {
      transparency::SubjectLeaf leaf;
      std::ranges::copy(*other->find("key")->as_bytes(), leaf.key.begin());
      leaf.count = *other->find("count")->as_unsigned();
      std::ranges::copy(*other->find("chain")->as_bytes(), leaf.chain.begin());
      claim.proof.other = leaf;
    }
    const auto leaf_of = [this](std::uint64_t index) -> std::optional<Sha256> {
      const auto found = leaves.find(index);
      return found == leaves.end() ? std::nullopt : std::optional(found->second);
    };
    const auto proven = must(transparency::verify_status(map_root, claim, leaf_of));
    status[proven.subject()] = proven.indexes();
  }
};

}  // namespace

TEST_CASE("a new log publishes the checkpoint of the empty tree") {
  TestLog test;
  const auto checkpoint = verified(*test.log, must(test.log->checkpoint()));
  CHECK(checkpoint.size() == 0);
  CHECK(checkpoint.root() == transparency::empty_root());
}

TEST_CASE("an entry keeps its index and its bytes when the log is opened again") {
  TestLog test;
  CHECK(must(test.add("a")).index == 0);
  CHECK(must(test.add("b")).index == 1);
  must(test.reopen());
  CHECK(must(test.log->get(1)) == test.entry("b"));
  CHECK(must(test.add("c")).index == 2);
  REQUIRE_RULE(test.log->get(3), rules::log_no_entry);
}

TEST_CASE("the same bytes get the same index, within a batch, later, and after a restart") {
  TestLog test;
  const auto added = must(test.log->add({test.entry("a"), test.entry("b"), test.entry("a")}));
  CHECK(added[2].index == 0);
  CHECK(added[2].already_there);
  CHECK_FALSE(added[1].already_there);
  const auto again = must(test.add("b"));
  CHECK((again.index == 1 && again.already_there));
  must(test.reopen());
  CHECK(must(test.add("a")).already_there);
  CHECK(must(test.log->head()).size == 2);
  CHECK(must(test.log->find_digest(sha256(test.entry("b")))) == 1);
}

TEST_CASE("what is no statement, too long, or the log's own to write is refused") {
  TestLog test;
  REQUIRE_RULE(test.log->add(Bytes(65'536)), rules::entry_size);
  CHECK_FALSE(test.log->add(to_bytes("hello")).has_value());
  const Bytes forged =
      must(transparency::sign_map_root({0, {}, 0}, test_origin, test_time, *test.key));
  REQUIRE_RULE(test.log->add(forged), rules::entry_map_root);
  CHECK(must(test.log->head()).size == 0);
}

TEST_CASE("the last entry of every checkpoint is a map root that covers all before it") {
  TestLog test;
  must(test.add("a"));
  for (const std::uint64_t size : {2U, 4U}) {
    const auto checkpoint = verified(*test.log, must(test.publish()));
    REQUIRE(checkpoint.size() == size);
    const auto proof = must(test.log->prove_inclusion(size - 1, size));
    const auto root = must(transparency::verify_map_root(
        checkpoint, {must(test.log->get(size - 1)), size - 1, proof.path}, verifiers(*test.log)));
    CHECK(root.map_root().size == size - 1);
    must(test.add("b"));
  }
}

TEST_CASE("an idle log signs the same tree again and adds nothing") {
  TestLog test;
  must(test.add("a"));
  const std::string first = must(test.publish());
  CHECK(must(test.publish()) == first);
  CHECK(must(test.log->head()).size == 2);
}

TEST_CASE("inclusion and consistency proofs verify between all sizes") {
  TestLog test;
  for (int i = 0; i < 300; i += 50) {
    std::vector<Bytes> some;
    for (int j = i; j < i + 50; ++j) some.push_back(test.entry("entry " + std::to_string(j)));
    must(test.log->add(some));
  }
  std::vector<Sha256> leaves;
  for (std::uint64_t i = 0; i < 300; ++i)
    leaves.push_back(transparency::leaf_hash(must(test.log->get(i))));
  const auto root_at = [&](std::size_t size) {
    return transparency::root_of(std::span(leaves).first(size));
  };
  for (const std::uint64_t size : {1U, 2U, 255U, 256U, 257U, 300U}) {
    const auto proof = must(test.log->prove_inclusion(size - 1, size));
    must(transparency::verify_inclusion(size - 1, size, leaves[size - 1], proof.path,
                                        root_at(size)));
    const auto path = must(test.log->prove_consistency(size, 300));
    must(transparency::verify_consistency(size, root_at(size), 300, root_at(300), path));
  }
  REQUIRE_RULE(test.log->prove_inclusion(5, 5), rules::log_proof_range);
  REQUIRE_RULE(test.log->prove_inclusion(5, 301), rules::log_proof_range);
  REQUIRE_RULE(test.log->prove_consistency(7, 6), rules::log_proof_range);
}

TEST_CASE("entries are found by subject, issuer, kind and parent") {
  TestLog test;
  must(test.add("data"));
  must(test.log->add(release("base", "data", *test.publisher)));
  must(test.log->add(release("tuned", "base", *test.publisher)));
  const auto find = [&](Field field, const std::string& text) {
    return must(test.log->find(field, text));
  };
  using Indexes = std::vector<std::uint64_t>;
  CHECK(find(Field::subject, artefact("base").text()) == Indexes{1});
  const auto as_parent = statement::Subject::parent(*artefact("base").digest());
  CHECK(find(Field::subject, as_parent.text()) == Indexes{2});
  CHECK(find(Field::parent, artefact("base").text()) == Indexes{2});
  CHECK(find(Field::issuer, test_issuer) == Indexes{0, 1, 2});
  CHECK(find(Field::kind, "application/attest-release+cbor") == Indexes{1, 2});
  CHECK(find(Field::subject, artefact("nothing").text()).empty());
}

TEST_CASE("a bundle holds an artefact, all its ancestors and all keys, and each status verifies") {
  TestLog test;
  const auto other = new_key();
  must(test.log->add(data_set("data", *other)));
  must(test.log->add(release("base", "data", *test.publisher)));
  must(test.log->add(release("tuned", "base", *test.publisher)));
  for (int i = 0; i < 40; ++i) must(test.log->add(data_set(std::to_string(i), *other)));
  must(test.publish());
  const BundleReader bundle(*test.log, must(test.log->make_bundle(artefact("tuned").text())));
  CHECK(bundle.status.at(artefact("tuned").text()) == std::vector<std::uint64_t>{2});
  CHECK(bundle.status.at(artefact("base").text()) == std::vector<std::uint64_t>{1});
  CHECK(bundle.status.at(artefact("data").text()) == std::vector<std::uint64_t>{0});
  for (const auto& key : {test.publisher, other})
    CHECK(bundle.status.contains(statement::Subject::key(key->public_key().thumbprint()).text()));
}

TEST_CASE("a bundle shows a revocation that came later") {
  TestLog test;
  must(test.log->add(release("model", "", *test.publisher)));
  must(test.publish());
  must(test.log->add(signed_as(statement::Kind::revocation, artefact("model"),
                               statement::encode(statement::Revocation{"poisoned"}),
                               *test.publisher)));
  must(test.publish());
  const BundleReader bundle(*test.log, must(test.log->make_bundle(artefact("model").text())));
  CHECK(bundle.status.at(artefact("model").text()) == std::vector<std::uint64_t>{0, 2});
}

TEST_CASE("a bundle waits for the checkpoint that covers the map, and needs a statement") {
  TestLog test;
  must(test.log->add(release("model", "", *test.publisher)));
  REQUIRE_RULE(test.log->make_bundle(artefact("model").text()), rules::bundle_not_covered);
  const std::string note = must(test.log->sign_checkpoint(test_time));
  REQUIRE_RULE(test.log->make_bundle(artefact("model").text()), rules::bundle_not_covered);
  must(test.log->publish(note));
  REQUIRE_OK(test.log->make_bundle(artefact("model").text()));
  REQUIRE_RULE(test.log->make_bundle(artefact("other").text()), rules::bundle_no_statement);
}

TEST_CASE("entries added after a checkpoint do not disturb bundles under it") {
  TestLog test;
  must(test.log->add(release("model", "", *test.publisher)));
  must(test.publish());
  must(test.log->add(release("child", "model", *test.publisher)));
  const BundleReader bundle(*test.log, must(test.log->make_bundle(artefact("model").text())));
  CHECK(bundle.status.at(artefact("model").text()) == std::vector<std::uint64_t>{0});
}

TEST_CASE("only a newer checkpoint of this very log is published") {
  TestLog test;
  const std::string empty = must(test.log->checkpoint());
  must(test.add("a"));
  const std::string note = must(test.publish());
  REQUIRE_RULE(test.log->publish(empty), rules::log_checkpoint_older);

  const auto signer = must(
      transparency::NoteSigner::make(test_origin, transparency::NoteKeyType::ed25519, *test.key));
  const auto signed_text = [&](std::uint64_t size, const Sha256& root) {
    return must(transparency::sign_note(
        transparency::format_checkpoint({test_origin, size, root, {}}), std::span(&signer, 1)));
  };
  REQUIRE_RULE(test.log->publish(signed_text(2, digest_of("x"))), rules::log_not_ours);
  REQUIRE_RULE(test.log->publish(signed_text(9, digest_of("x"))), rules::log_not_ours);
  std::string unsigned_note = note;
  unsigned_note[note.size() - 8] = unsigned_note[note.size() - 8] == 'A' ? 'B' : 'A';
  CHECK_FALSE(test.log->publish(unsigned_note).has_value());
}

TEST_CASE("a log is written by one process at a time, read by many, and needs its own key") {
  TestLog test;
  REQUIRE_RULE(Log::open(test.place(), test.key), rules::log_locked);
  const auto reader = must(Log::open_to_read(test.place()));
  CHECK(must(reader->head()).size == 0);
  CHECK_FALSE(reader->add(test.entry("a")).has_value());
  test.log.reset();
  REQUIRE_RULE(Log::open(test.place(), new_key()), rules::log_key);
  REQUIRE_RULE(Log::init(test.place(), test_origin, test.key), rules::floor_exists);
}

TEST_CASE("an interrupted init is finished by the next") {
  TestLog test;
  test.log.reset();
  std::filesystem::remove(test.place().directory / "signing-floor");
  REQUIRE_OK(Log::init(test.place(), test_origin, test.key));
}

TEST_CASE("a log signs with an ECDSA key as well") {
  const TemporaryDirectory directory;
  LogPlace place;
  place.directory = directory.path();
  const auto key = new_key(KeyKind::ecdsa_p256);
  const auto log = must(Log::init(place, test_origin, key));
  must(log->add(data_set("a", *key)));
  CHECK(verified(*log, must(log->sign_checkpoint(test_time))).size() == 2);
}

TEST_CASE("the published files pass an audit, and so does their export") {
  TestLog test;
  for (int i = 0; i < 600; i += 100) {
    std::vector<Bytes> some;
    for (int j = i; j < i + 100; ++j) some.push_back(test.entry("entry " + std::to_string(j)));
    must(test.log->add(some));
    must(test.publish());
  }
  const std::string note = must(test.publish());
  const Path copy = test.directory.path() / "copy";
  must(export_log(test.log->store(), note, must(test.log->head()).size, system_files(), copy));
  for (const Path& place : {test.log->public_directory(), copy}) {
    DirectorySource source(place);
    AuditRequest request;
    request.verifier_key = test.log->verifier_key();
    const AuditReport report = must(audit(source, request));
    INFO((report.findings.empty() ? "" : report.findings.front().what));
    CHECK(report.verdict == Verdict::ok);
    CHECK(report.entries == must(test.log->head()).size);
    CHECK(report.map_roots == 6);
    CHECK(report.subjects == 601);
  }
}
