#include "libattest/statement/dsse.h"

#include "libattest/base/json.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/statement/in_toto.h"
#include "tests/support/catch.h"

namespace attest::statement {

namespace {

const SigningKey& key() {
  static const auto made = must(make_signing_key(KeyKind::ed25519, system_random()));
  return *made;
}

std::string signature_of(std::string_view type, std::string_view payload) {
  return to_base64(must(key().sign(dsse_pae(type, as_bytes(payload)))));
}

std::string envelope(std::string_view payload64, const std::string& signatures) {
  return R"({"payload":")" + std::string(payload64) + R"(","payloadType":"text/x","signatures":[)" +
         signatures + "]}";
}

std::string one(const std::string& signature) {
  return R"({"keyid":"k","sig":")" + signature + R"("})";
}

}  // namespace

// The example of the specification's protocol.md.
TEST_CASE("the PAE is that of the specification") {
  CHECK(as_text(dsse_pae("http://example.com/HelloWorld", as_bytes("hello world"))) ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST_CASE("an envelope in either alphabet is verified by the key that signed it") {
  const std::string payload = "a\x3f\x3f>>";  // both alphabets differ on it
  const std::string signature = signature_of("text/x", payload);
  std::string unpadded = to_base64url(as_bytes(payload));
  std::string padded = unpadded + std::string((4 - unpadded.size() % 4) % 4, '=');
  for (const std::string& text : {to_base64(as_bytes(payload)), unpadded, padded}) {
    INFO(text);
    const auto parsed = must(parse_dsse(envelope(text, one(signature))));
    CHECK(as_text(parsed.payload) == payload);
    const std::vector<PublicKey> keys{key().public_key()};
    const VerifiedEnvelope verified = must(verify_dsse(parsed, keys));
    REQUIRE(verified.signers().size() == 1);
    CHECK(verified.signers().front() == key().public_key());
  }
}

TEST_CASE("an envelope with a changed payload or type, or by another key, is refused") {
  const auto other = must(make_signing_key(KeyKind::ed25519, system_random()));
  const std::vector<PublicKey> keys{key().public_key()};
  const std::vector<PublicKey> others{other->public_key()};
  UntrustedEnvelope good = must(parse_dsse(envelope("YWJj", one(signature_of("text/x", "abc")))));
  REQUIRE_OK(verify_dsse(good, keys));
  REQUIRE_RULE(verify_dsse(good, others), rules::dsse_signature);
  REQUIRE_RULE(verify_dsse(good, {}), rules::dsse_signature);
  UntrustedEnvelope changed = good;
  changed.payload_type = "text/y";
  REQUIRE_RULE(verify_dsse(changed, keys), rules::dsse_signature);
  changed = good;
  changed.payload.push_back(std::byte{'d'});
  REQUIRE_RULE(verify_dsse(changed, keys), rules::dsse_signature);
}

TEST_CASE("exactly one signature where that is asked") {
  const std::string signature = one(signature_of("text/x", "abc"));
  const std::vector<PublicKey> keys{key().public_key()};
  const auto two = must(parse_dsse(envelope("YWJj", signature + "," + signature)));
  REQUIRE_OK(verify_dsse(two, keys));
  REQUIRE_RULE(verify_dsse(two, keys, SignatureCount::exactly_one), rules::dsse_signature_count);
}

TEST_CASE("ECDSA signatures of envelopes are in DER") {
  const auto p256 = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  const Bytes fixed = must(p256->sign(dsse_pae("text/x", as_bytes("abc"))));
  const std::vector<PublicKey> keys{p256->public_key()};
  REQUIRE_RULE(verify_dsse(must(parse_dsse(envelope("YWJj", one(to_base64(fixed))))), keys),
               rules::dsse_signature);
}

TEST_CASE("malformed envelopes are refused") {
  const std::string good = one("AAAA");
  for (const std::string& text :
       {std::string("[]"), std::string("{}"), envelope("YWJj", ""), envelope("YW!j", good),
        envelope("YWJj", R"({"sig":1})"), envelope("YWJj", R"({"sig":"AAAA","keyid":1})"),
        envelope("YWJj", "1"), envelope("YW-/", good)})
    REQUIRE_RULE(parse_dsse(text), rules::dsse_form);
  std::string many = good;
  for (int i = 0; i < 64; ++i) many += "," + good;
  REQUIRE_RULE(parse_dsse(envelope("YWJj", many)), rules::dsse_form);
  REQUIRE_RULE(parse_dsse(R"({"payload":"","payload":""})"), rules::json_duplicate);
}

TEST_CASE("an in-toto statement names its subjects by digest") {
  const std::string head = R"({"_type":"https://in-toto.io/Statement/v1",)";
  const InTotoStatement statement = must(parse_in_toto(as_bytes(
      head +
      R"("subject":[{"name":"f","digest":{"sha256":"AB"}}],"predicateType":"p","predicate":{}})")));
  CHECK(statement.subjects.front().digests.at("sha256") == "ab");
  CHECK(statement.predicate == "{}");
  for (const std::string& rest :
       {std::string(R"("subject":[],"predicateType":"p"})"),
        std::string(R"("subject":[{"name":"f"}],"predicateType":"p"})"),
        std::string(R"("subject":[{"digest":{}}],"predicateType":"p"})"),
        std::string(R"("subject":[{"digest":{"sha256":"xy"}}],"predicateType":"p"})"),
        std::string(R"("subject":[{"digest":{"sha256":"ab"}}]})")})
    REQUIRE_RULE(parse_in_toto(as_bytes(head + rest)), rules::in_toto_form);
  REQUIRE_RULE(parse_in_toto(as_bytes(R"({"_type":"x"})")), rules::in_toto_form);
}

}  // namespace attest::statement
