// A published model before the gate: what tests of verdicts begin with.
#pragma once

#include <algorithm>

#include "libattest/lineage/rights.h"
#include "libattest/lineage/training_node.h"
#include "libattest/lineage/verdict.h"
#include "libattest/result/attestation_result.h"
#include "tests/unit/lineage/published_model.h"

namespace attest::test {

using lineage::ModelCheck;
using lineage::ModelVerdict;
using lineage::PresentedFile;
using result::Verdict;

inline PresentedFile file_of(std::string_view bytes) {
  return {std::string(bytes), model::digest_bytes(as_bytes(bytes)), "gguf"};
}

struct Gate {
  PublishedModel model;
  std::string policy = "version = 1\n";
  PresentedFile file = file_of("chat");
  Time now = PublishedModel::now;

  // `change` is made to the model before it is published.
  explicit Gate(void (*change)(PublishedModel&) = nullptr) {
    if (change != nullptr) change(model);
    model.publish_all();
  }
  ModelVerdict judge() {
    return lineage::judge_bundle(lineage::encode_bundle(model.bundle()), model.log.trust(), file,
                                 must(lineage::parse_release_policy(policy)), now);
  }
  // Requires that exactly one check fails, by this rule and with this outcome.
  ModelCheck only(Rule rule, Verdict outcome = Verdict::refused) {
    const ModelVerdict verdict = judge();
    std::vector<ModelCheck> failed;
    std::ranges::copy_if(verdict.checks, std::back_inserter(failed),
                         [](const ModelCheck& check) { return check.outcome != Verdict::pass; });
    REQUIRE(failed.size() == 1);
    REQUIRE(failed[0].name == rule.name);
    REQUIRE(failed[0].outcome == outcome);
    REQUIRE(verdict.outcome == outcome);
    return failed[0];
  }
  void with(const std::string& line) { policy = "version = 1\n" + line + "\n"; }
};

// A moment of the training run below.
inline const Time in_training = PublishedModel::cosigned - Seconds(7'200);

inline result::Ear ear_of(const std::string& verifier, const std::string& node) {
  result::Ear ear;
  ear.issued_at = in_training;
  ear.expires = in_training + Seconds(3'600);
  ear.nonce = Bytes(32);
  ear.verifier_id = {"verifierd", "lab.example"};
  ear.issuer = verifier;
  ear.subject = node;
  ear.id = std::string(64, 'a');
  ear.raw_evidence = Bytes(1);
  result::Submod platform;
  platform.vector.set(result::TrustClaim::hardware, result::value::affirmed);
  platform.status = result::Tier::affirming;
  platform.policy_id = "policy:node";
  platform.trust_level = result::TrustLevel::tpm_measured;
  ear.submods.emplace("platform", platform);
  ear.verdict = Verdict::pass;
  return ear;
}

inline Bytes signed_ear(const result::Ear& ear, const SigningKey& key) {
  return to_bytes(must(result::sign_as_jwt(ear, key)));
}

// The training run that made `base` of `text`, on these nodes.
inline statement::TrainingRun run_of(const PublishedModel& model,
                                     std::vector<statement::TrainingHardware> hardware) {
  return {subject_of(model.base),       {"trainer 1.4", sha256(as_bytes("trainer"))},
          {{"learning_rate", "0.001"}}, {subject_of(model.text)},
          std::move(hardware),          in_training - Seconds(60),
          in_training + Seconds(3'000)};
}

inline void say_run(PublishedModel& model, const statement::TrainingRun& run) {
  model.log.say(model.lab, statement::Kind::training_run, run.output, statement::encode(run));
}

// Everything a policy can ask for is said: jurisdictions, and a training run on an attested node.
inline void said_in_full(PublishedModel& model) {
  model.say_jurisdictions({"EU"});
  const TestIssuer& verifier = model.log.verifier("verifier@demo.example");
  say_run(model, run_of(model, {{"rack7-n03",
                                 signed_ear(ear_of(verifier.name, "rack7-n03"), *verifier.key)}}));
}

}  // namespace attest::test
