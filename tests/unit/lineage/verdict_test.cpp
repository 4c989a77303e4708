#include "libattest/lineage/verdict.h"

#include <algorithm>

#include "tests/unit/lineage/judged_model.h"

using namespace attest;
using namespace attest::lineage;
using namespace attest::test;
using result::Verdict;

TEST_CASE("a released model passes a policy that asks for what it is") {
  Gate gate(said_in_full);
  gate.with(
      "issuers = [\"*@lab.example\"]\nancestor_issuers = [\"weights@lab.example\"]\n"
      "max_status_age = \"1h\"\noperations = [\"train\", \"quantize\"]\n"
      "required_roles = [\"base\", \"dataset\"]\nlicences = [\"Apache-2.0\", \"CC0-1.0\"]\n"
      "formats = [\"gguf\"]\nwitnesses = [\"witness-0.example\"]\n"
      "jurisdictions = [\"EU\"]\nrequired_statements = [\"data-set\"]\n"
      "training_hardware = \"host-reported\"\ndescends_from = [\"" +
      subject_of(gate.model.base).text() + "\"]\nnever_from = [\"sha256:" + std::string(64, '0') +
      "\"]\n[[descent]]\nfrom = \"CC0-1.0\"\nto = [\"*\"]\n"
      "[[placement]]\njurisdiction = \"EU\"\nregions = [\"eu-central\"]");
  gate.file.region = "eu-central";
  const ModelVerdict verdict = gate.judge();
  REQUIRE(verdict.outcome == Verdict::pass);
  REQUIRE(verdict.not_checked.empty());
  REQUIRE(verdict.checks.size() == 23);
  REQUIRE(verdict.release == "chat by weights@lab.example, statement 3");
}

TEST_CASE("what a policy does not ask for is said") {
  Gate gate;
  const ModelVerdict verdict = gate.judge();
  REQUIRE(verdict.outcome == Verdict::pass);
  REQUIRE(verdict.not_checked.size() == 15);
}

TEST_CASE("a file with one byte changed is not the released one") {
  Gate gate;
  gate.file = file_of("chax");
  gate.only(rules::model_digest);
}

TEST_CASE("the size and the fs-verity digest must be those of the release") {
  Gate gate;
  gate.file.digests.size += 1;
  gate.only(rules::model_size);
  gate.file = file_of("chat");
  gate.file.digests.fsverity[0] ^= std::byte{1};
  gate.only(rules::model_fsverity);
}

TEST_CASE("a revoked release is refused under any policy") {
  Gate gate;
  gate.model.log.revoke(gate.model.lab, gate.model.subject, "poisoned data set");
  gate.with("allow_revoked_ancestors = true");
  const ModelCheck check = gate.only(rules::model_revoked);
  REQUIRE(check.found.find("poisoned data set") != std::string::npos);
}

TEST_CASE("descendants of a revoked release are refused unless the policy says otherwise") {
  Gate gate;
  gate.model.log.revoke(gate.model.lab, subject_of(gate.model.text), "poisoned");
  const ModelCheck check = gate.only(rules::model_revoked_ancestor);
  REQUIRE(check.why.find("its issuer weights@lab.example") != std::string::npos);
  gate.with("allow_revoked_ancestors = true");
  REQUIRE(gate.judge().outcome == Verdict::pass);
  gate.with("allow_revoked_ancestors = false");
  REQUIRE(gate.only(rules::model_revoked_ancestor).place == "release.toml:2");
}

TEST_CASE("a status older than the policy asks is incomplete, never a pass") {
  Gate gate;
  gate.with("max_status_age = \"1d\"");
  gate.now = PublishedModel::cosigned + Seconds(PublishedModel::day);
  REQUIRE(gate.judge().outcome == Verdict::pass);
  gate.now += Seconds(1);
  gate.only(rules::model_status_age, Verdict::incomplete);
}

TEST_CASE("a bundle from before a revocation passes only until its status is too old") {
  Gate gate;
  const Bytes before = encode_bundle(gate.model.bundle());
  gate.model.log.revoke(gate.model.lab, gate.model.subject, "poisoned");
  const auto judge = [&](const std::string& age, Time now) {
    return judge_bundle(before, gate.model.log.trust(), gate.file,
                        must(parse_release_policy("version = 1\nmax_status_age = " + age + "\n")),
                        now)
        .outcome;
  };
  REQUIRE(judge("\"1h\"", PublishedModel::now) == Verdict::pass);
  REQUIRE(judge("\"1h\"", PublishedModel::now + std::chrono::hours(2)) == Verdict::incomplete);
}

TEST_CASE("each rule of the policy refuses alone, and names its line") {
  const std::pair<const char*, Rule> cases[] = {
      {"issuers = [\"else@lab.example\"]", rules::model_issuer},
      {"ancestor_issuers = [\"else@lab.example\"]", rules::model_ancestor_issuer},
      {"operations = [\"quantize\"]", rules::model_operation},
      {"required_roles = [\"base\", \"teacher\"]", rules::model_role},
      {"licences = [\"Apache-2.0\"]", rules::model_licence},
      {"formats = [\"safetensors\"]", rules::model_format},
  };
  for (const auto& [line, rule] : cases) {
    Gate gate;
    gate.with(line);
    REQUIRE(gate.only(rule).place == "release.toml:2");
  }
}

TEST_CASE("a format that the caller does not know is incomplete") {
  Gate gate;
  gate.with("formats = [\"gguf\"]");
  gate.file.format.clear();
  gate.only(rules::model_format, Verdict::incomplete);
}

TEST_CASE("a bundle that does not verify gives a verdict that says why") {
  Gate gate;
  const ModelVerdict garbage = judge_bundle(to_bytes("?"), gate.model.log.trust(), gate.file,
                                            must(parse_release_policy(gate.policy)), gate.now);
  REQUIRE(garbage.outcome == Verdict::refused);
  REQUIRE_FALSE(garbage.not_checked.empty());
  auto bundle = gate.model.log.bundle(gate.model.subject, {PublishedModel::cosigned});
  const ModelVerdict alone = judge_bundle(encode_bundle(bundle), gate.model.log.trust(), gate.file,
                                          must(parse_release_policy(gate.policy)), gate.now);
  REQUIRE(alone.outcome == Verdict::incomplete);
  REQUIRE(alone.checks.front().name == rules::checkpoint_quorum.name);
}

TEST_CASE("a statement without effect is reported with its reason") {
  Gate gate;
  gate.model.log.revoke(gate.model.log.stranger("mallory@else.example"), gate.model.subject, "x");
  const ModelVerdict verdict = gate.judge();
  REQUIRE(verdict.outcome == Verdict::pass);
  REQUIRE(verdict.findings.size() == 1);
}
