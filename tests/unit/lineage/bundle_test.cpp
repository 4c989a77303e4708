#include "libattest/lineage/bundle.h"

#include <algorithm>

#include "tests/unit/lineage/published_model.h"

using namespace attest;
using namespace attest::lineage;
using namespace attest::test;
using statement::Subject;

namespace {

bool has_finding(const VerifiedBundle& bundle, Rule rule) {
  return std::ranges::any_of(bundle.findings(),
                             [&](const Finding& finding) { return finding.why.rule == rule; });
}

auto status_of(UntrustedBundle& bundle, const Subject& subject) {
  return std::ranges::find(bundle.status, subject.text(), &transparency::UntrustedStatus::subject);
}

}  // namespace

TEST_CASE("a bundle proves a lineage with nothing but the trust root at hand") {
  PublishedModel m;
  m.publish_all();
  const UntrustedBundle bundle = must(decode_bundle(encode_bundle(m.bundle())));
  const VerifiedBundle verified = must(m.verify(bundle));
  REQUIRE(verified.subject() == m.subject);
  REQUIRE(verified.ledger_time() == PublishedModel::cosigned);
  REQUIRE(verified.graph().nodes().size() == 3);
  REQUIRE(verified.release().issuer == "weights@lab.example");
  REQUIRE(verified.findings().empty());
}

TEST_CASE(
    "a bundle survives its encoding, absence proofs included, and trailing bytes are refused") {
  PublishedModel m;
  m.publish_all();
  UntrustedBundle bundle = m.bundle();
  bundle.status.front().proof.other = transparency::SubjectLeaf{{}, 3, {}};
  const Bytes bytes = encode_bundle(bundle);
  REQUIRE(encode_bundle(must(decode_bundle(bytes))) == bytes);
  REQUIRE_RULE(decode_bundle(concat({bytes, Bytes(1)})), rules::cbor_trailing);
  for (std::size_t cut = 0; cut < bytes.size(); cut += 97)
    REQUIRE_FALSE(decode_bundle(ByteView(bytes).first(cut)));
}

TEST_CASE("a bundle of another version is refused") {
  PublishedModel m;
  m.publish_all();
  cbor::Value value = must(cbor::decode(encode_bundle(m.bundle())));
  cbor::Map map = *value.as_map();
  for (auto& [key, member] : map)
    if (key == cbor::Value("version")) member = cbor::Value(2);
  REQUIRE_RULE(decode_bundle(cbor::encode(map)), rules::bundle_form);
}

TEST_CASE("an expired trust root, a foreign log and a subject that is no artefact are refused") {
  PublishedModel m;
  m.publish_all();
  UntrustedBundle bundle = m.bundle();
  REQUIRE_RULE(m.verify(bundle, must(parse_time("2036-01-02"))), rules::trust_expired);
  bundle.subject = "platform:rack";
  REQUIRE_RULE(m.verify(bundle), rules::bundle_subject);
  PublishedModel other;
  other.publish_all();
  REQUIRE_RULE(m.verify(other.bundle()), rules::checkpoint_log_signature);
}

TEST_CASE("without a quorum of witnesses a bundle is incomplete") {
  PublishedModel m;
  m.publish_all();
  const auto result = m.verify(m.log.bundle(m.subject, {PublishedModel::cosigned}));
  REQUIRE_RULE(result, rules::checkpoint_quorum);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a ledger time ahead of this machine's clock is incomplete") {
  PublishedModel m;
  m.publish_all();
  const UntrustedBundle bundle = m.bundle();
  REQUIRE_OK(m.verify(bundle, PublishedModel::cosigned - Seconds(299)));
  REQUIRE_RULE(m.verify(bundle, PublishedModel::cosigned - Seconds(301)), rules::bundle_time_ahead);
}

TEST_CASE("a map root that is not the last entry is refused") {
  PublishedModel m;
  m.publish_all();
  const UntrustedBundle older = m.bundle();
  m.log.publish({});
  UntrustedBundle bundle = m.bundle();
  bundle.map_root = m.log.entry(older.map_root.index);
  REQUIRE_RULE(m.verify(bundle), rules::map_root_not_last);
}

TEST_CASE("an entry that was altered is not in the tree") {
  PublishedModel m;
  m.publish_all();
  UntrustedBundle bundle = m.bundle();
  bundle.entries[1].entry.back() ^= std::byte{1};
  REQUIRE_RULE(m.verify(bundle), rules::tree_root);
}

TEST_CASE("entries out of order or twice are refused") {
  PublishedModel m;
  m.publish_all();
  UntrustedBundle bundle = m.bundle();
  std::swap(bundle.entries[0], bundle.entries[1]);
  REQUIRE_RULE(m.verify(bundle), rules::bundle_order);
}

TEST_CASE("an entry that a status proof lists cannot be left out") {
  PublishedModel m;
  m.publish_all();
  m.log.revoke(m.lab, m.subject, "poisoned data set");
  UntrustedBundle bundle = m.bundle();
  bundle.entries.pop_back();
  const auto result = m.verify(bundle);
  REQUIRE_RULE(result, rules::status_entry_missing);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a revocation cannot be hidden from a status proof") {
  PublishedModel m;
  m.publish_all();
  m.log.revoke(m.lab, m.subject, "poisoned data set");
  UntrustedBundle bundle = m.bundle();
  status_of(bundle, m.subject)->indexes.pop_back();
  REQUIRE_RULE(m.verify(bundle), rules::subject_proof_root);
}

TEST_CASE("status proofs of the artefact, of each ancestor and of each signing key must be there") {
  PublishedModel m;
  m.publish_all();
  const UntrustedBundle whole = m.bundle();
  for (const Subject& subject : {m.subject, subject_of(m.base), subject_of(m.text),
                                 Subject::key(m.lab.key->public_key().thumbprint())}) {
    UntrustedBundle bundle = whole;
    bundle.status.erase(status_of(bundle, subject));
    const auto result = m.verify(bundle);
    REQUIRE_RULE(result, rules::bundle_status_missing);
    REQUIRE(result.error().kind == ErrorKind::incomplete);
  }
}

TEST_CASE("a second status proof of one subject is refused") {
  PublishedModel m;
  m.publish_all();
  UntrustedBundle bundle = m.bundle();
  bundle.status.push_back(bundle.status.front());
  REQUIRE_RULE(m.verify(bundle), rules::bundle_status_twice);
}

TEST_CASE("a revocation by the issuer counts, and so does one by whom the trust root names") {
  for (const bool by_issuer : {true, false}) {
    PublishedModel m;
    m.publish_all();
    const auto index = m.log.revoke(by_issuer ? m.lab : m.admin, subject_of(m.base), "poisoned");
    const VerifiedBundle verified = must(m.verify());
    REQUIRE(verified.graph().revoked() == std::vector<std::size_t>{1});
    REQUIRE(verified.graph().nodes()[1].origin.revoked->index == index);
    REQUIRE(verified.graph().nodes()[1].origin.revoked->reason == "poisoned");
  }
}

TEST_CASE("a stranger's revocation is a finding and has no effect") {
  PublishedModel m;
  m.publish_all();
  m.log.revoke(m.log.stranger("mallory@else.example"), m.subject, "so there");
  const VerifiedBundle verified = must(m.verify());
  REQUIRE(verified.graph().revoked().empty());
  REQUIRE(has_finding(verified, rules::trust_unknown_issuer));
}

TEST_CASE("another issuer of the trust root may not revoke what it did not release") {
  PublishedModel m;
  const TestIssuer& rival = m.log.issuer("rival@lab.example", {"model-release", "revocation"});
  m.publish_all();
  m.log.revoke(rival, m.subject, "so there");
  const VerifiedBundle verified = must(m.verify());
  REQUIRE(verified.graph().revoked().empty());
  REQUIRE(has_finding(verified, rules::revocation_not_entitled));
}

TEST_CASE("a release by someone who may not release is no origin") {
  PublishedModel m;
  m.log.release(m.log.stranger("mallory@else.example"), m.chat);
  REQUIRE_RULE(m.verify(), rules::graph_no_origin);
}

TEST_CASE("a stranger's second release of a model does not put its origin in doubt") {
  PublishedModel m;
  m.publish_all();
  m.log.release(m.log.stranger("mallory@else.example"), release_of("chat"));
  const VerifiedBundle verified = must(m.verify());
  REQUIRE(has_finding(verified, rules::trust_unknown_issuer));
}

TEST_CASE("two believed issuers of one model are two origins") {
  PublishedModel m;
  const TestIssuer& rival = m.log.issuer("rival@lab.example", {"model-release"});
  m.publish_all();
  m.log.release(rival, m.chat);
  REQUIRE_RULE(m.verify(), rules::graph_two_origins);
}

TEST_CASE("a parent that is in no release is refused") {
  PublishedModel m;
  m.log.release(m.lab, m.chat);
  REQUIRE_RULE(m.verify(), rules::graph_missing_parent);
}

TEST_CASE("what a key signed before it ended stands, and what it signs after does not") {
  PublishedModel m;
  m.publish_all();
  m.log.end_key(m.admin, m.lab, m.log.size());
  REQUIRE_OK(m.verify());
  PublishedModel late;
  late.log.data_set(late.lab, late.text);
  late.log.release(late.lab, late.base);
  late.log.end_key(late.admin, late.lab, late.log.size());
  late.log.release(late.lab, late.chat);
  REQUIRE_RULE(late.verify(), rules::graph_no_origin);
}

TEST_CASE("of several key statuses the earliest end counts") {
  PublishedModel m;
  m.publish_all();
  m.log.end_key(m.admin, m.lab, 0);
  m.log.end_key(m.admin, m.lab, 100);
  REQUIRE_RULE(m.verify(), rules::graph_no_origin);
}

TEST_CASE("a key status by someone who may not end keys has no effect") {
  PublishedModel m;
  m.publish_all();
  m.log.end_key(m.lab, m.lab, 0);
  const VerifiedBundle verified = must(m.verify());
  REQUIRE(has_finding(verified, rules::trust_may_not_say));
}

TEST_CASE("a foreign envelope about the model is carried along and believed for nothing") {
  PublishedModel m;
  m.publish_all();
  const std::string digest = m.subject.text().substr(7);
  const std::string said =
      R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":")" +
      digest + R"("}}],"predicateType":"https://example.com/p","predicate":{}})";
  m.log.add(to_bytes(R"({"payloadType":"application/vnd.in-toto+json","payload":")" +
                     to_base64(as_bytes(said)) + R"(","signatures":[{"sig":"AAAA"}]})"));
  const UntrustedBundle bundle = m.bundle();
  REQUIRE(bundle.entries.size() == 4);
  REQUIRE(must(m.verify(bundle)).graph().nodes().size() == 3);
}

TEST_CASE("300 generations verify in one go") {
  PublishedModel m;
  statement::ModelRelease parent = release_of("generation 0");
  m.log.release(m.lab, parent);
  for (int i = 1; i <= 300; ++i) {
    parent =
        release_of("generation " + std::to_string(i), "fine-tune", {{"base", subject_of(parent)}});
    m.log.release(m.lab, parent);
  }
  m.subject = subject_of(parent);
  REQUIRE(must(m.verify()).graph().nodes().size() == 301);
}
