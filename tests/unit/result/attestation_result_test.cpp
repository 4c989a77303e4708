#include "libattest/result/attestation_result.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::result;

namespace {

const Time issued = from_unix(1'800'000'000);
const Time expires = issued + Seconds{900};

Ear good_ear() {
  Ear ear;
  ear.issued_at = issued;
  ear.expires = expires;
  ear.nonce = Bytes(32);
  ear.verifier_id = {"attest 0.1", "example"};
  ear.issuer = "verifier.example";
  ear.subject = "rack7-n03";
  ear.id = std::string(64, '0');
  ear.submods["node"] = Submod{};
  ear.verdict = Verdict::pass;
  return ear;
}

struct Signer {
  std::unique_ptr<SigningKey> key = must(make_signing_key(KeyKind::ed25519, system_random()));
  ResultSigner known(std::string name = "verifier.example") const {
    return {std::move(name), key->public_key()};
  }
};

Result<VerifiedResult> check(ByteView bytes, const ResultSigner& signer, Time now = issued) {
  return verify_result(must(parse_result(bytes)), std::span(&signer, 1), now);
}

}  // namespace

TEST_CASE("a result is verified in both its envelopes") {
  const Signer signer;
  const std::string jwt = must(sign_as_jwt(good_ear(), *signer.key));
  const Bytes cwt = must(sign_as_cwt(good_ear(), *signer.key));
  for (const ByteView bytes : {as_bytes(jwt), ByteView(cwt)}) {
    const VerifiedResult result = must(check(bytes, signer.known()));
    REQUIRE(result.ear().subject == "rack7-n03");
    REQUIRE(result.ear().verdict == Verdict::pass);
    REQUIRE(result.key() == signer.key->public_key());
    REQUIRE(equal(result.bytes(), bytes));
    REQUIRE(result.digest() == sha256(bytes));
  }
  REQUIRE(must(parse_result(as_bytes(jwt))).is_jwt());
  REQUIRE_FALSE(must(parse_result(cwt)).is_jwt());
}

TEST_CASE("line breaks after a JWT are not part of it") {
  const Signer signer;
  const std::string jwt = must(sign_as_jwt(good_ear(), *signer.key));
  REQUIRE(must(check(as_bytes(jwt + "\r\n"), signer.known())).digest() == sha256(as_bytes(jwt)));
}

TEST_CASE("a result whose claims would not be read is not signed") {
  const Signer signer;
  Ear ear = good_ear();
  ear.subject.clear();
  REQUIRE_RULE(sign_as_jwt(ear, *signer.key), Rule{"result.ear.own-profile"});
  REQUIRE_RULE(sign_as_cwt(ear, *signer.key), Rule{"result.ear.own-profile"});
}

TEST_CASE("a result by an issuer that is not known is refused") {
  const Signer signer;
  const std::string jwt = must(sign_as_jwt(good_ear(), *signer.key));
  REQUIRE_RULE(check(as_bytes(jwt), signer.known("other.example")), rules::result_unknown_signer);
}

TEST_CASE("a result under a known name by another key is refused") {
  const Signer signer;
  const Signer impostor;
  const std::string jwt = must(sign_as_jwt(good_ear(), *impostor.key));
  const Bytes cwt = must(sign_as_cwt(good_ear(), *impostor.key));
  REQUIRE_RULE(check(as_bytes(jwt), signer.known()), rules::result_signature);
  REQUIRE_RULE(check(cwt, signer.known()), rules::result_signature);
}

TEST_CASE("a result from the future is refused beyond the allowed skew") {
  const Signer signer;
  const std::string jwt = must(sign_as_jwt(good_ear(), *signer.key));
  REQUIRE_OK(check(as_bytes(jwt), signer.known(), issued - result_allowed_skew));
  REQUIRE_RULE(check(as_bytes(jwt), signer.known(), issued - result_allowed_skew - Seconds{1}),
               rules::result_not_yet_valid);
}

TEST_CASE("an expired result is incomplete, neither good nor bad") {
  const Signer signer;
  const std::string jwt = must(sign_as_jwt(good_ear(), *signer.key));
  REQUIRE_OK(check(as_bytes(jwt), signer.known(), expires - Seconds{1}));
  const auto late = check(as_bytes(jwt), signer.known(), expires);
  REQUIRE_RULE(late, rules::result_expired);
  REQUIRE(late.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a result of another profile without an expiry is incomplete") {
  const Signer signer;
  Ear ear = good_ear();
  ear.profile = "tag:other.example,2026:profile";
  ear.expires.reset();
  const std::string jwt = must(sign_as_jwt(ear, *signer.key));
  const auto result = check(as_bytes(jwt), signer.known());
  REQUIRE_RULE(result, rules::result_no_expiry);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}
