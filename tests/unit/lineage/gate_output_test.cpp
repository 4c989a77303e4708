#include "libattest/lineage/gate_output.h"

#include "libattest/base/json.h"
#include "libattest/statement/dsse.h"
#include "libattest/statement/in_toto.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::lineage;
using result::Verdict;

namespace {

GatedModel model_with(Verdict outcome) {
  GatedModel model;
  model.path = "models/a b&\"<c>.gguf";
  model.subject = "sha256:" + std::string(64, 'a');
  model.verdict.outcome = outcome;
  model.verdict.checks = {{"lineage.bundle", Verdict::pass, "", "", "", ""},
                          {"lineage.model.licence", outcome, "MIT", "<none>", "not allowed & so on",
                           "release.toml:14"}};
  model.more = "attestctl lineage graph x";
  return model;
}

Json sarif_of(Verdict outcome) {
  return must(parse_json(sarif(std::vector{model_with(outcome)}, "ci/release.toml", "1.0")));
}

}  // namespace

TEST_CASE("SARIF has one result for each check that did not pass") {
  const Json run = sarif_of(Verdict::refused)["runs"][0];
  REQUIRE(run["results"].size() == 1);
  const Json& result = run["results"][0];
  REQUIRE(result["ruleId"] == "lineage.model.licence");
  REQUIRE(run["tool"]["driver"]["rules"][0]["id"] == "lineage.model.licence");
  REQUIRE(result["level"] == "error");
  REQUIRE(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] ==
          "models/a%20b%26%22%3cc%3e.gguf");
  REQUIRE(result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 14);
  REQUIRE(sarif_of(Verdict::incomplete)["runs"][0]["results"][0]["level"] == "warning");
  REQUIRE(sarif_of(Verdict::pass)["runs"][0]["results"].empty());
}

TEST_CASE("JUnit tells refusals as failures and what is open as errors, and escapes all text") {
  const std::string refusal = junit(std::vector{model_with(Verdict::refused)});
  REQUIRE(refusal.find("failures=\"1\" errors=\"0\"") != std::string::npos);
  REQUIRE(refusal.find(
              "<failure type=\"lineage.model.licence\" message=\"not allowed &amp; so on\">") !=
          std::string::npos);
  REQUIRE(refusal.find("found: &lt;none&gt;") != std::string::npos);
  REQUIRE(refusal.find("a b&amp;&quot;&lt;c&gt;.gguf") != std::string::npos);
  const std::string open = junit(std::vector{model_with(Verdict::incomplete)});
  REQUIRE(open.find("failures=\"0\" errors=\"1\"") != std::string::npos);
}

TEST_CASE("a summary is signed, and says PASSED only where all passed") {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256}) {
    const auto key = must(make_signing_key(kind, system_random()));
    for (const Verdict outcome : {Verdict::pass, Verdict::refused, Verdict::incomplete}) {
      const VsaContext context{"https://gate.lab.example", "release.toml", sha256(as_bytes("p")),
                               from_unix(1'800'000'000)};
      const std::string line = must(sign_vsa(model_with(outcome), context, *key));
      REQUIRE(line.find('\n') == std::string::npos);
      const auto verified = must(statement::verify_dsse(must(statement::parse_dsse(line)),
                                                        std::vector{key->public_key()}));
      const auto said = must(statement::parse_in_toto(verified.payload()));
      REQUIRE(said.predicate_type == "https://slsa.dev/verification_summary/v1");
      REQUIRE(said.subjects[0].digests.at("sha256") == std::string(64, 'a'));
      const Json predicate = must(parse_json(said.predicate));
      REQUIRE(predicate["verificationResult"] == (outcome == Verdict::pass ? "PASSED" : "FAILED"));
      REQUIRE(predicate["timeVerified"] == "2027-01-15T08:00:00Z");
    }
  }
}

TEST_CASE("a model that could not be read has no summary") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  GatedModel model = model_with(Verdict::incomplete);
  model.subject.clear();
  REQUIRE_RULE(sign_vsa(model, {}, *key), rules::vsa_no_subject);
}
