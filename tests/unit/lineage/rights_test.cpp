#include "libattest/lineage/rights.h"

#include "tests/unit/lineage/judged_model.h"

using namespace attest;
using namespace attest::lineage;
using namespace attest::test;
using statement::Consent;
using statement::Kind;
using statement::Subject;

namespace {

// A stranger to the lab quantizes its base, whose release demands consent.
struct Built {
  Gate gate{[](PublishedModel& model) { model.base.consent_required = true; }};
  const TestIssuer& other =
      gate.model.log.issuer("tuner@else.example", {"model-release", "consent"});
  statement::ModelRelease tuned =
      release_of("tuned", "fine-tune", {{"base", subject_of(gate.model.base)}});

  Built() {
    gate.model.log.release(other, tuned);
    gate.model.subject = subject_of(tuned);
    gate.file = file_of("tuned");
  }
  void consent(const TestIssuer& who, const Subject& parent, const std::string& operation) {
    const Consent given{subject_of(tuned), parent, operation};
    gate.model.log.say(who, Kind::consent, given.child, encode(given));
  }
};

void with_licences(PublishedModel& model) {
  model.text.licence = "CC-BY-NC-4.0";
  model.base.licence = "CC-BY-NC-4.0";
  model.chat.licence = "Apache-2.0";
}

}  // namespace

TEST_CASE("what was made of a release that demands consent needs its owner's") {
  Built built;
  const ModelCheck check = built.gate.only(rules::model_consent);
  REQUIRE(check.expected == "consent by weights@lab.example to the fine-tune");
  built.consent(built.gate.model.lab, subject_of(built.gate.model.base), "fine-tune");
  REQUIRE(built.gate.judge().outcome == Verdict::pass);
}

TEST_CASE("consent by another than the parent's owner is none") {
  Built built;
  built.consent(built.other, subject_of(built.gate.model.base), "fine-tune");
  built.gate.only(rules::model_consent);
}

TEST_CASE("consent to another parent or to another operation is none") {
  Built built;
  built.consent(built.gate.model.lab, subject_of(built.gate.model.text), "fine-tune");
  built.consent(built.gate.model.lab, subject_of(built.gate.model.base), "merge");
  built.gate.only(rules::model_consent);
}

TEST_CASE("an owner builds on its own release without asking itself") {
  Gate gate([](PublishedModel& model) { model.base.consent_required = true; });
  REQUIRE(gate.judge().outcome == Verdict::pass);
}

TEST_CASE("consent by someone who may not consent has no effect and is told") {
  Built built;
  const TestIssuer& mute = built.gate.model.log.issuer("mute@lab.example", {"model-release"});
  built.consent(mute, subject_of(built.gate.model.base), "fine-tune");
  built.gate.only(rules::model_consent);
  REQUIRE(built.gate.judge().findings.size() == 1);
}

TEST_CASE("a licence that binds descendants binds all of them") {
  Gate gate(with_licences);
  gate.with("[[descent]]\nfrom = \"CC-BY-NC-*\"\nto = [\"CC-BY-NC-*\", \"CC-BY-NC-SA-4.0\"]");
  const ModelCheck check = gate.only(rules::model_descent);
  REQUIRE(check.place == "release.toml:2");
  REQUIRE(check.found.starts_with("Apache-2.0, of chat"));
  gate.with("[[descent]]\nfrom = \"CC-BY-NC-*\"\nto = [\"CC-BY-NC-*\", \"Apache-2.0\"]");
  REQUIRE(gate.judge().outcome == Verdict::pass);
  gate.with("[[descent]]\nfrom = \"GPL-*\"\nto = [\"GPL-*\"]");
  REQUIRE(gate.judge().outcome == Verdict::pass);
}

TEST_CASE("a licence reaches over a generation that has another") {
  Gate gate([](PublishedModel& model) {
    model.text.licence = "OpenRAIL";
    model.base.licence = "MIT";
    model.chat.licence = "Apache-2.0";
  });
  gate.with("[[descent]]\nfrom = \"OpenRAIL\"\nto = [\"MIT\"]");
  gate.only(rules::model_descent);
}

TEST_CASE("a jurisdiction the policy does not allow is refused, and none at all is incomplete") {
  Gate gate([](PublishedModel& model) { model.say_jurisdictions({"EU", "US"}); });
  gate.with("jurisdictions = [\"EU\"]");
  REQUIRE(gate.only(rules::model_jurisdiction).place == "release.toml:2");
  gate.with("jurisdictions = [\"EU\", \"US\"]");
  REQUIRE(gate.judge().outcome == Verdict::pass);
  Gate silent;
  silent.with("jurisdictions = [\"EU\"]");
  silent.only(rules::model_jurisdiction, Verdict::incomplete);
}

TEST_CASE("a model runs only where what it descends from allows") {
  Gate gate([](PublishedModel& model) { model.say_jurisdictions({"US-CA"}); });
  gate.with("[[placement]]\njurisdiction = \"US*\"\nregions = [\"us-east\", \"us-west\"]");
  gate.only(rules::model_region, Verdict::incomplete);  // nobody said where
  gate.file.region = "eu-central";
  REQUIRE(gate.only(rules::model_region).place == "release.toml:2");
  gate.file.region = "us-west";
  REQUIRE(gate.judge().outcome == Verdict::pass);
  gate.with("[[placement]]\njurisdiction = \"EU\"\nregions = [\"eu-central\"]");
  REQUIRE(gate.judge().outcome == Verdict::pass);
  Gate silent;
  silent.with("[[placement]]\njurisdiction = \"EU\"\nregions = [\"eu-central\"]");
  silent.file.region = "eu-central";
  silent.only(rules::model_region, Verdict::incomplete);
}

TEST_CASE("a model descends from what the policy names, and not from what it forbids") {
  Gate gate;
  const std::string base = subject_of(gate.model.base).text();
  const std::string other = Subject::artefact(sha256(as_bytes("other"))).text();
  gate.with("descends_from = [\"" + other + "\", \"" + base + "\"]\nnever_from = [\"" + other +
            "\"]");
  REQUIRE(gate.judge().outcome == Verdict::pass);
  gate.with("descends_from = [\"" + other + "\"]");
  gate.only(rules::model_descends_from);
  gate.with("never_from = [\"" + base + "\"]");
  gate.only(rules::model_never_from);
}

TEST_CASE("a witness that the policy names and that did not cosign leaves it incomplete") {
  Gate gate;
  gate.with("witnesses = [\"witness-9.example\"]");
  gate.only(rules::model_witness, Verdict::incomplete);
}

TEST_CASE("consent and licences of 5,000 generations and a merge of 512 take well under a second") {
  std::vector<Origin> origins;
  std::vector<statement::Parent> wide;
  const auto subject = [](const std::string& name) {
    return Subject::artefact(sha256(as_bytes(name)));
  };
  const auto add = [&](const std::string& name, std::vector<statement::Parent> parents) {
    statement::ModelRelease release;
    release.name = name;
    release.licence = "MIT";
    if (!parents.empty()) release.operation = statement::Operation{"merge", {}};
    release.parents = std::move(parents);
    origins.push_back({subject(name), "weights@lab.example", origins.size(), release, {}, {}, {}});
  };
  add("0", {});
  for (int i = 1; i < 5000; ++i) add(std::to_string(i), {{"base", subject(std::to_string(i - 1))}});
  for (int i = 0; i < 512; ++i) wide.push_back({"base", subject(std::to_string(i * 9))});
  wide.push_back({"base", subject("4999")});
  add("merged", wide);
  const auto policy = must(parse_release_policy(
      "version = 1\njurisdictions = [\"EU\"]\n[[descent]]\nfrom = \"MIT\"\nto = [\"MIT\"]\n"));
  const auto graph = must(build_graph(subject("merged"), origins));
  const auto start = std::chrono::steady_clock::now();
  const Judged judged = judge_rights(graph, policy, "");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
  REQUIRE(judged.checks.size() == 3);
  REQUIRE(judged.checks[1].outcome == Verdict::pass);
}
