#include "libattest/lineage/training_node.h"
#include "tests/unit/lineage/judged_model.h"

using namespace attest;
using namespace attest::lineage;
using namespace attest::test;
using result::TrustLevel;
using statement::TrainingHardware;

namespace {

// The base of a model, trained on one node that a verifier of the trust root knows.
struct Trained {
  Gate gate;
  const TestIssuer& verifier = gate.model.log.verifier("verifier@demo.example");
  result::Ear ear = ear_of(verifier.name, "rack7-n03");

  explicit Trained(const std::string& level = "tpm-measured") {
    gate.with("training_hardware = \"" + level + "\"");
  }
  Bytes result() { return signed_ear(ear, *verifier.key); }
  void run(std::vector<TrainingHardware> hardware) {
    say_run(gate.model, run_of(gate.model, std::move(hardware)));
  }
  // What is said of the only node.
  TrainingNode node() {
    auto verified = must(gate.model.verify());
    return verified.graph().nodes().at(1).origin.runs.at(0).nodes.at(0);
  }
  void refuses(Rule rule, Verdict outcome = Verdict::refused) {
    run({{"rack7-n03", result()}});
    gate.only(rules::model_training_hardware, outcome);
    REQUIRE(node().why->rule.name == rule.name);
  }
};

}  // namespace

TEST_CASE("training on an attested node passes at its level and below") {
  Trained trained;
  trained.run({{"rack7-n03", trained.result()}});
  REQUIRE(trained.gate.judge().outcome == Verdict::pass);
  REQUIRE(trained.node().level == TrustLevel::tpm_measured);
  trained.gate.with("training_hardware = \"host-reported\"");
  REQUIRE(trained.gate.judge().outcome == Verdict::pass);
  trained.gate.with("training_hardware = \"hardware-signed\"");
  REQUIRE(trained.gate.only(rules::model_training_hardware).place == "release.toml:2");
}

TEST_CASE("a run that names no node, and a node without a result, are incomplete") {
  Trained nobody;
  nobody.gate.only(rules::model_training_hardware, Verdict::incomplete);
  nobody.run({});
  nobody.gate.only(rules::model_training_hardware, Verdict::incomplete);
  Trained silent;
  silent.run({{"rack7-n03", {}}});
  silent.gate.only(rules::model_training_hardware, Verdict::incomplete);
  REQUIRE(silent.node().why->rule == rules::training_no_result);
}

TEST_CASE("one node that does not hold spoils the run") {
  Trained trained;
  trained.run({{"rack7-n03", trained.result()}, {"rack7-n04", trained.result()}});
  trained.gate.only(rules::model_training_hardware);
}

TEST_CASE("a result about another node does not count") {
  Trained trained;
  trained.ear.subject = "rack9-n01";
  trained.refuses(rules::training_other_node);
}

TEST_CASE("a result from after the run, or one that had expired before, does not count") {
  Trained late;
  late.ear.issued_at += Seconds(3'001);
  late.refuses(rules::training_result_time);
  Trained early;
  early.ear.issued_at -= Seconds(9'000);
  early.ear.expires = early.ear.issued_at + Seconds(3'600);
  early.refuses(rules::result_expired, Verdict::incomplete);
}

TEST_CASE("a result that affirms nothing does not count") {
  Trained failed;
  failed.ear.verdict = Verdict::refused;
  failed.refuses(rules::training_not_affirmed);
  Trained doubtful;
  doubtful.ear.submods.at("platform").trust_level.reset();
  doubtful.refuses(rules::training_not_affirmed);
}

TEST_CASE("a result by a verifier the trust root does not know does not count") {
  Trained trained;
  trained.ear.issuer = "mallory@else.example";
  trained.refuses(rules::result_unknown_signer);
}

TEST_CASE("a training run with other inputs than the release has parents is refused") {
  Gate gate;
  auto run = run_of(gate.model, {});
  run.inputs.push_back(statement::Subject::artefact(sha256(as_bytes("scraped"))));
  std::ranges::sort(run.inputs);
  say_run(gate.model, run);
  gate.only(rules::model_run_inputs);
  Gate fewer;
  run = run_of(fewer.model, {});
  run.inputs.clear();
  say_run(fewer.model, run);
  fewer.only(rules::model_run_inputs);
}

TEST_CASE("a policy that requires training runs wants one for each trained release") {
  Gate gate;
  gate.with("required_statements = [\"training-run\"]");
  const ModelCheck check = gate.only(rules::model_training_run);
  REQUIRE(check.found.starts_with("none for base"));  // the quantized one needs none
  say_run(gate.model, run_of(gate.model, {}));
  REQUIRE(gate.judge().outcome == Verdict::pass);
}

TEST_CASE("a policy that requires data sets is not satisfied by releases alone") {
  Gate gate([](PublishedModel& model) { model.base = release_of("base"); });
  gate.model.log.release(gate.model.lab,
                         release_of("chat", "quantize", {{"base", subject_of(gate.model.base)}}));
  gate.with("required_statements = [\"data-set\"]");
  gate.only(rules::model_data_set);
}
