#include "libattest/statement/statement.h"

#include "tests/support/catch.h"
#include "tests/unit/statement/sample_payloads.h"

namespace attest::statement {

namespace {

const SigningKey& key() {
  static const auto made = must(make_signing_key(KeyKind::ed25519, system_random()));
  return *made;
}

struct Sample {
  Kind kind;
  Subject subject;
  Bytes payload;
};

std::vector<Sample> samples() {
  return {
      {Kind::device_manifest, Subject::ek(digest_a), encode(sample_manifest())},
      {Kind::reference_values, must(Subject::platform("rack7")), to_bytes("corim")},
      {Kind::policy, must(Subject::policy("release")), to_bytes("version = 1\n")},
      {Kind::data_set, Subject::artefact(digest_a), encode(sample_data_set())},
      {Kind::model_release, Subject::artefact(digest_a), encode(sample_release())},
      {Kind::training_run, Subject::artefact(digest_a), encode(sample_run())},
      {Kind::consent, Subject::artefact(digest_a), encode(sample_consent())},
      {Kind::node_state_change, Subject::node(digest_a), encode(sample_change())},
      {Kind::batch, must(Subject::log("demo.example/provenance")), encode(sample_batch())},
      {Kind::key_status, Subject::key(digest_a), encode(sample_key_status())},
      {Kind::revocation, Subject::artefact(digest_a), encode(sample_revocation())},
  };
}

cose::Sign1Content release_content() {
  cose::Sign1Content content;
  content.content_type = content_type(Kind::model_release);
  content.claims.issuer = "weights@lab.example";
  content.claims.subject = Subject::artefact(digest_a).text();
  content.claims.issued_at = sample_time;
  content.payload = encode(sample_release());
  return content;
}

}  // namespace

TEST_CASE("a statement of each kind is signed, read and verified") {
  for (const Sample& sample : samples()) {
    INFO(to_string(sample.kind));
    const Bytes bytes = must(sign_statement(sample.kind, sample.subject, "weights@lab.example",
                                            sample_time, sample.payload, key()));
    const UntrustedStatement parsed = must(parse_statement(bytes));
    CHECK(parsed.kind() == sample.kind);
    CHECK(parsed.subject() == sample.subject);
    CHECK(parsed.issuer() == "weights@lab.example");
    CHECK(parsed.issued_at() == sample_time);
    CHECK(parsed.payload() == sample.payload);
    CHECK(parsed.signer() == key().public_key().thumbprint());
    const VerifiedStatement verified = must(verify_statement(parsed, key().public_key()));
    CHECK(verified->bytes() == bytes);
  }
}

TEST_CASE("a statement by another key, or changed, is not verified") {
  const Bytes bytes = must(cose::sign1(release_content(), key()));
  const auto other = must(make_signing_key(KeyKind::ed25519, system_random()));
  REQUIRE_RULE(verify_statement(must(parse_statement(bytes)), other->public_key()),
               rules::statement_key);
  Bytes changed = bytes;
  changed.back() ^= std::byte{1};
  REQUIRE_RULE(verify_statement(must(parse_statement(changed)), key().public_key()),
               rules::cose_signature);
}

TEST_CASE("a statement has one encoding") {
  const Bytes bytes = must(cose::sign1(release_content(), key()));
  // Without its tag.
  REQUIRE_RULE(parse_statement(ByteView(bytes).subspan(1)), rules::statement_form);
  cose::Sign1Content detached = release_content();
  detached.detached = true;
  REQUIRE_RULE(parse_statement(must(cose::sign1(detached, key()))), rules::statement_form);
  REQUIRE_RULE(parse_statement(Bytes(max_statement_size + 1)), rules::statement_form);
}

TEST_CASE("a header member nobody reads is refused") {
  cose::Sign1Content content = release_content();
  content.more_protected = {{33, Bytes(1)}};
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
  content = release_content();
  content.unprotected = {{33, Bytes(1)}};
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
  content = release_content();
  content.claims.others = {{7, Bytes(1)}};
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
  content = release_content();
  content.claims.expires = sample_time;
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
}

TEST_CASE("issuer, subject and time are there, and well-formed") {
  cose::Sign1Content content = release_content();
  content.claims.issuer.reset();
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
  content = release_content();
  content.claims.issuer = "a b";
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
  content = release_content();
  content.claims.issued_at.reset();
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_header);
  content = release_content();
  content.claims.subject = "tiny.gguf";
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_subject);
  content.claims.subject = Subject::key(digest_a).text();
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_subject);
  content = release_content();
  content.content_type = "application/json";
  REQUIRE_RULE(parse_statement(must(cose::sign1(content, key()))), rules::statement_kind);
}

TEST_CASE("header and payload speak of one subject") {
  for (const Sample& sample : samples()) {
    if (sample.kind != Kind::device_manifest && sample.kind != Kind::data_set &&
        sample.kind != Kind::model_release && sample.kind != Kind::training_run &&
        sample.kind != Kind::consent)
      continue;
    INFO(to_string(sample.kind));
    const Subject other =
        sample.kind == Kind::device_manifest ? Subject::ek(digest_b) : Subject::artefact(digest_b);
    REQUIRE_RULE(sign_statement(sample.kind, other, "weights@lab.example", sample_time,
                                sample.payload, key()),
                 rules::statement_payload);
  }
}

}  // namespace attest::statement
