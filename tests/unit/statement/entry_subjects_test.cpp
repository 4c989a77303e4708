#include "libattest/statement/entry_subjects.h"

#include <algorithm>

#include "libattest/statement/in_toto.h"
#include "tests/support/catch.h"
#include "tests/unit/statement/sample_payloads.h"

namespace attest::statement {

TEST_CASE("a release is found by itself, by its parents and by its signer's key") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  const Bytes entry =
      must(sign_statement(Kind::model_release, Subject::artefact(digest_a), "weights@lab.example",
                          sample_time, encode(sample_release()), *key));
  std::vector<Subject> expected{Subject::artefact(digest_a), Subject::parent(digest_b),
                                Subject::signer(key->public_key().thumbprint())};
  std::ranges::sort(expected);
  CHECK(must(subjects_of(entry)) == expected);
}

TEST_CASE("no statement speaks about a signer or a parent: these are ways to find entries") {
  for (const auto kind : {Kind::revocation, Kind::model_release, Kind::key_status}) {
    CHECK_FALSE(fits(kind, SubjectKind::signer));
    CHECK_FALSE(fits(kind, SubjectKind::parent));
  }
}

TEST_CASE("a map root has no subjects") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  const Bytes entry = must(sign_statement(Kind::map_root, must(Subject::log("demo.example")),
                                          "demo.example", sample_time, to_bytes("root"), *key));
  CHECK(must(subjects_of(entry)).empty());
}

TEST_CASE("a DSSE envelope is found by each SHA-256 subject of its in-toto statement") {
  const std::string statement =
      R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"p","subject":[)"
      R"({"digest":{"sha256":")" +
      to_hex(digest_a) + R"("}},{"digest":{"sha256":")" + to_hex(digest_a) +
      R"("}},{"digest":{"sha512":"ab"}}]})";
  const auto envelope = [&](std::string_view type) {
    return R"({"payload":")" + to_base64(as_bytes(statement)) + R"(","payloadType":")" +
           std::string(type) + R"(","signatures":[{"sig":"AAAA"}]})";
  };
  CHECK(must(subjects_of(as_bytes(envelope(in_toto_payload_type)))) ==
        std::vector{Subject::artefact(digest_a)});
  REQUIRE_RULE(subjects_of(as_bytes(envelope("text/plain"))), rules::entry_unknown);
  REQUIRE_FALSE(subjects_of({}));
}

}  // namespace attest::statement
