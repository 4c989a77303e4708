#include "libattest/trust/authorize.h"

#include "tests/support/catch.h"
#include "tests/unit/trust/sample_trust.h"

namespace attest {

using statement::Kind;
using statement::Subject;
using statement::UntrustedStatement;

namespace {

const Sha256 model_digest = sha256(as_bytes("model"));
const Subject model = Subject::artefact(model_digest);
const Time now = from_unix(1'795'000'000);

UntrustedStatement release_by(const SigningKey& key, const char* issuer = "weights@lab.example") {
  const statement::ModelRelease release{
      "tiny", {{"tiny.gguf", 1, model_digest, model_digest}}, {}, {}, "CC0-1.0"};
  return must(statement::parse_statement(must(
      statement::sign_statement(Kind::model_release, model, issuer, now, encode(release), key))));
}

UntrustedStatement revocation_by(const SigningKey& key, const char* issuer,
                                 const Subject& subject = model) {
  return must(statement::parse_statement(must(statement::sign_statement(
      Kind::revocation, subject, issuer, now, encode(statement::Revocation{"bad"}), key))));
}

}  // namespace

TEST_CASE("a statement of a known issuer that may say it is authorized") {
  const SampleTrust sample;
  const AuthorizedStatement authorized = must(authorize(release_by(*sample.lab), sample.parse()));
  CHECK(authorized->subject() == model);
  CHECK(authorized.issuer().name == "weights@lab.example");
}

TEST_CASE("a statement of a stranger, or by a stranger's key, is not") {
  const SampleTrust sample;
  const TrustRoot trust = sample.parse();
  REQUIRE_RULE(authorize(release_by(*sample.lab, "stranger.example"), trust),
               rules::trust_unknown_issuer);
  REQUIRE_RULE(authorize(release_by(*sample.witness), trust), rules::trust_unknown_key);
}

TEST_CASE("a statement with a broken signature is not") {
  const SampleTrust sample;
  Bytes bytes = release_by(*sample.lab).bytes();
  bytes.back() ^= std::byte{1};
  REQUIRE_RULE(authorize(must(statement::parse_statement(bytes)), sample.parse()),
               rules::cose_signature);
}

TEST_CASE("an issuer that may not say it is not believed") {
  const SampleTrust sample;
  REQUIRE_RULE(authorize(release_by(*sample.administrator, "admin.example"), sample.parse()),
               rules::trust_may_not_say);
}

TEST_CASE("a key that had ended before the entry says nothing") {
  const SampleTrust sample;
  const TrustRoot trust = sample.parse();
  const UntrustedStatement release = release_by(*sample.lab);
  REQUIRE_OK(authorize(release, trust, {.index = 9, .key_ends_at = 10}));
  REQUIRE_RULE(authorize(release, trust, {.index = 10, .key_ends_at = 10}), rules::trust_key_ended);
  REQUIRE_RULE(authorize(release, trust, {.index = {}, .key_ends_at = 10}), rules::trust_key_ended);
}

TEST_CASE("a revocation counts from the issuer itself, and from whoever may revoke others") {
  SampleTrust sample;
  const auto rival = SampleTrust::make();
  sample.more = "[[issuer]]\nname = \"rival.example\"\nkey = " + SampleTrust::quoted(*rival) +
                "\nmay = [\"revocation\"]\nsubjects = [\"sha256:*\"]\n";
  const TrustRoot trust = sample.parse();
  const AuthorizedStatement release = must(authorize(release_by(*sample.lab), trust));
  const auto by = [&](const SigningKey& key, const char* issuer, const Subject& subject) {
    return must(authorize(revocation_by(key, issuer, subject), trust));
  };
  REQUIRE_OK(revocation_counts(by(*sample.lab, "weights@lab.example", model), release, trust));
  REQUIRE_OK(revocation_counts(by(*sample.administrator, "admin.example", model), release, trust));
  REQUIRE_RULE(revocation_counts(by(*rival, "rival.example", model), release, trust),
               rules::revocation_not_entitled);
  const Subject other = Subject::artefact(sha256({}));
  REQUIRE_RULE(revocation_counts(by(*sample.lab, "weights@lab.example", other), release, trust),
               rules::revocation_subject);
  REQUIRE_RULE(revocation_counts(release, release, trust), rules::revocation_subject);
}

}  // namespace attest
