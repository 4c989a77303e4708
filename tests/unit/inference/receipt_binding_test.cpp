// How a receipt's key stands to a node: what the attestation result beside it must say.
#include "inference/answer/receipt_file.h"
#include "libattest/transparency/tree.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/test_result.h"

using namespace attest;
using namespace attest::inference;

namespace {

const Time issued = from_unix(1'795'000'000);

// A node's result, a receipt that names it, and a log that may hold the receipt's batch.
struct Bound {
  test::TestLog log;
  const test::TestIssuer& verifier = log.verifier("v.example");
  const test::TestIssuer& batches = log.issuer("v.example", {"batch"}, {"log:*"});
  std::unique_ptr<SigningKey> key = must(make_signing_key(KeyKind::ed25519, system_random()));
  result::Ear ear = passing_ear(verifier, key->public_key(), issued);
  std::string node = "rack7-n03";
  Time signed_at = issued + Seconds(60);

  Bytes receipt(const std::string& result) const {
    Receipt receipt;
    receipt.profile = "exact-1";
    receipt.runtime = "test";
    receipt.node = node;
    receipt.model.subject = digest_uri({});
    receipt.prompt = std::vector<Token>{1};
    receipt.answer = {2};
    receipt.stopped = "eos";
    receipt.logits = {Sha256{}};
    receipt.result = sha256(as_bytes(result));
    receipt.started = signed_at;
    return must(sign_receipt(receipt, "inferd", signed_at, *key));
  }
  BatchProof batch_of(const Bytes& receipt, Time cosigned) {
    const statement::Batch batch{statement::Batch::Of::receipts,
                                 transparency::leaf_hash(sha256(receipt)), 1, cosigned};
    const auto index = log.say(batches, statement::Kind::batch,
                               must(statement::Subject::log(test::TestLog::origin)), encode(batch));
    const std::string checkpoint = log.publish({cosigned, cosigned});
    return {log.entry(index), {}, 0, checkpoint};
  }
  Result<VerifiedReceiptFile> check(std::optional<Time> batched_at = {}) {
    const std::string result = signed_ear(verifier, ear);
    const Bytes bytes = receipt(result);
    std::optional<BatchProof> batch;
    if (batched_at) batch = batch_of(bytes, *batched_at);
    const Bytes file = encode_receipt_file(bytes, key->public_key(), result, batch);
    return verify_receipt_file(must(decode_receipt_file(file)), log.trust(),
                               issued + Seconds(86400));
  }
};

}  // namespace

TEST_CASE("a receipt in the ledger before its result expired is bound to the node") {
  Bound bound;
  const auto file = must(bound.check(issued + Seconds(599)));
  REQUIRE(file.binding() == Binding::bound);
  REQUIRE(file.ledger_time() == issued + Seconds(599));
  REQUIRE(file.result()->ear().subject == "rack7-n03");
  REQUIRE(file.binding_in_words().find("rack7-n03") != std::string::npos);
}

TEST_CASE("a receipt that came to the ledger after its result expired proves nothing") {
  Bound bound;
  const auto file = bound.check(issued + Seconds(600));
  REQUIRE_RULE(file, rules::result_expired);
  REQUIRE(file.error().kind == ErrorKind::incomplete);
}

TEST_CASE("without a batch, when the receipt was made is its own claim") {
  Bound bound;
  REQUIRE(must(bound.check()).binding() == Binding::unproven);
  bound.signed_at = issued + Seconds(600);
  REQUIRE_RULE(bound.check(), rules::result_expired);
}

TEST_CASE("a result that did not pass the node makes no receipt count") {
  Bound bound;
  bound.ear.verdict = result::Verdict::refused;
  REQUIRE_RULE(bound.check(), rules::receipt_node_failed);
  bound.ear.verdict = result::Verdict::incomplete;
  REQUIRE_RULE(bound.check(), rules::receipt_node_failed);
}

TEST_CASE("another node's result does not vouch for a receipt") {
  Bound bound;
  bound.ear.subject = "rack7-n04";
  REQUIRE_RULE(bound.check(), rules::receipt_node);
}

TEST_CASE("a result vouches only for the key that it names") {
  Bound bound;
  bound.ear.runtime_key = Sha256{};
  REQUIRE_RULE(bound.check(), rules::receipt_not_bound);
  bound.ear.runtime_key.reset();
  REQUIRE_RULE(bound.check(), rules::receipt_not_bound);
}

TEST_CASE("a result by someone who is no verifier vouches for nothing") {
  Bound bound;
  bound.ear.issuer = "stranger.example";
  REQUIRE_RULE(bound.check(), rules::result_unknown_signer);
}
