#include "libattest/statement/subject.h"

#include "libattest/statement/kind.h"
#include "tests/support/catch.h"

namespace attest::statement {

TEST_CASE("each form of subject is read as what it is, and written back") {
  const std::string hex(64, 'a');
  for (const auto& [text, kind] :
       {std::pair("sha256:" + hex, SubjectKind::artefact),
        std::pair("node:" + hex, SubjectKind::node), std::pair("ek:" + hex, SubjectKind::ek),
        std::pair("key:" + hex, SubjectKind::key),
        std::pair(std::string("platform:rack7"), SubjectKind::platform),
        std::pair(std::string("policy:release"), SubjectKind::policy),
        std::pair(std::string("log:demo.example/provenance"), SubjectKind::log)}) {
    const Subject subject = must(Subject::parse(text));
    CHECK(subject.kind() == kind);
    CHECK(subject.text() == text);
    CHECK(subject.digest().has_value() == text.ends_with(hex));
  }
  CHECK(must(Subject::parse(Subject::key(sha256({})).text())).digest() == sha256({}));
}

TEST_CASE("a subject that could be read in two ways is none") {
  const std::string hex(64, 'a');
  for (const std::string& text :
       {std::string(""), std::string("sha256"), "sha256:" + hex + "a", "sha256:" + hex.substr(1),
        "SHA256:" + hex, "sha256:" + std::string(64, 'A'), "sha512:" + hex, std::string("policy:"),
        std::string("policy:a b"), std::string("policy:\xc3\xa4"), std::string("log:a\n"),
        "policy:" + std::string(201, 'a')})
    REQUIRE_RULE(Subject::parse(text), rules::subject_form);
}

TEST_CASE("kinds have one name and one content type each") {
  for (const std::string_view name : kind_names()) {
    const auto kind = kind_by_name(name);
    REQUIRE(kind.has_value());
    CHECK(to_string(*kind) == name);
    CHECK(kind_by_content_type(content_type(*kind)) == kind);
  }
  CHECK_FALSE(kind_by_name("release").has_value());
  CHECK(fits(Kind::revocation, SubjectKind::key));
  CHECK_FALSE(fits(Kind::model_release, SubjectKind::key));
}

}  // namespace attest::statement
