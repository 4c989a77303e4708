// What rests on the ledger and the trust root: opening released models, and receipts that count.
#include "inference/answer/receipt_file.h"
#include "inference/model/verified_model.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/released_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

constexpr Time cosigned = ReleasedModel::cosigned;
constexpr Time now = ReleasedModel::now;

Bytes signed_receipt(const SigningKey& key, const std::optional<Sha256>& result = {}) {
  Receipt receipt;
  receipt.profile = "exact-1";
  receipt.runtime = "test";
  receipt.node = "rack7-n03";
  receipt.model.subject = digest_uri({});
  receipt.prompt = std::vector<Token>{1};
  receipt.answer = {2};
  receipt.stopped = "eos";
  receipt.logits = {Sha256{}};
  receipt.result = result;
  receipt.started = cosigned;
  return must(sign_receipt(receipt, "inferd", cosigned, key));
}

}  // namespace

TEST_CASE("a released model opens, with and without its block tree") {
  ReleasedModel released;
  const RunnableModel model = must(released.open());
  REQUIRE(model.verdict().outcome == result::Verdict::pass);
  REQUIRE(model.sha256() == released.both.digests.sha256);
  must(system_files().remove(released.path.string() + ".attest/tree"));
  REQUIRE_OK(released.open());
}

TEST_CASE("a released model with one byte changed is refused by tensor") {
  ReleasedModel released;
  released.file[released.file.size() - 70000] ^= std::byte{1};
  must(write_file_atomically(released.path, released.file));
  const auto model = released.open();
  REQUIRE_RULE(model, rules::block_wrong);
  REQUIRE(model.error().what.find("tensor ") != std::string::npos);
}

TEST_CASE("a revoked model is refused before a weight is read") {
  ReleasedModel released;
  released.log.revoke(released.lab, released.subject, "poisoned data set");
  must(system_files().remove(released.path));
  const auto model = released.open();
  REQUIRE_RULE(model, rules::model_refused);
  REQUIRE(model.error().kind == ErrorKind::refused);
}

TEST_CASE("a loaded model is judged again without reading its file") {
  ReleasedModel released;
  const RunnableModel model = must(released.open());
  must(system_files().remove(released.path));
  const auto again = [&] {
    return judge_again(model, released.path, {}, released.log.trust(), {}, now);
  };
  REQUIRE_OK(again());
  released.log.revoke(released.lab, released.subject, "poisoned data set");
  released.write_bundle();
  REQUIRE_RULE(again(), rules::model_refused);
}

TEST_CASE("a bundle about another file says nothing of the one that is loaded") {
  ReleasedModel released;
  const RunnableModel model = must(released.open());
  const auto other = test::release_of("other");
  released.log.release(released.lab, other);
  released.subject = statement::subject_of(other);
  released.write_bundle();
  const auto judged = judge_again(model, released.path, {}, released.log.trust(), {}, now);
  REQUIRE_RULE(judged, rules::model_other_file);
  REQUIRE(judged.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a receipt without a result is by a key that is bound to nothing") {
  test::TestLog log;
  log.issuer("v.example", {"batch"}, {"log:*"});
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  const auto check = [&](ByteView receipt, std::optional<std::string> result) {
    const Bytes file = encode_receipt_file(receipt, key->public_key(), result, {});
    return verify_receipt_file(must(decode_receipt_file(file)), log.trust(), now);
  };
  const auto verified = must(check(signed_receipt(*key), {}));
  REQUIRE(verified.binding() == Binding::unbound);
  REQUIRE(verified.binding_in_words().find("no TPM") != std::string::npos);
  REQUIRE_RULE(check(signed_receipt(*key), "a.b.c"), rules::receipt_result);
  REQUIRE_RULE(check(signed_receipt(*key, Sha256{}), {}), rules::receipt_result);
  REQUIRE_RULE(check(signed_receipt(*key, Sha256{}), "a.b.c"), rules::receipt_result);
}

TEST_CASE("a receipt in a batch has the ledger's time, and only in its own batch") {
  test::TestLog log;
  const auto& verifier = log.issuer("v.example", {"batch"}, {"log:*"});
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  const Bytes receipt = signed_receipt(*key);
  const auto leaf = transparency::leaf_hash(sha256(receipt));
  const auto other = transparency::leaf_hash(as_bytes("other"));
  const auto proof_of = [&](statement::Batch::Of of) {
    const statement::Batch batch{of, transparency::node_hash(other, leaf), 2, cosigned};
    const auto index = log.say(verifier, statement::Kind::batch,
                               must(statement::Subject::log(test::TestLog::origin)), encode(batch));
    const std::string checkpoint = log.publish({cosigned, cosigned});
    return BatchProof{log.entry(index), {other}, 1, checkpoint};
  };
  const auto check = [&](const BatchProof& proof) {
    const Bytes file = encode_receipt_file(receipt, key->public_key(), {}, proof);
    return verify_receipt_file(must(decode_receipt_file(file)), log.trust(), now);
  };
  BatchProof proof = proof_of(statement::Batch::Of::receipts);
  REQUIRE(must(check(proof)).ledger_time() == cosigned);
  proof.path = {leaf};
  REQUIRE_RULE(check(proof), rules::tree_root);
  REQUIRE_RULE(check(proof_of(statement::Batch::Of::results)), rules::receipt_batch);
}
