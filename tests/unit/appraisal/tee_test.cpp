// What a node's trusted execution environment signed, judged with the rest of its evidence.
#include "libattest/appraisal/appraise.h"
#include "libattest/tee/verdict.h"
#include "tests/support/catch.h"
#include "tests/support/made_snp.h"
#include "tests/support/test_node.h"

using namespace attest;
using namespace attest::appraisal;
using result::Verdict;

namespace {

const test::MadeSnp& chip() {
  static const test::MadeSnp made;
  return made;
}

// A report for this node's challenge, and for GPUs that stand under these labels.
Bytes report_for(const test::TestNode& node, const std::vector<std::string>& gpus,
                 bool debug = false) {
  const Sha256 challenge = sha256(node.challenge);
  std::vector<Sha256> nonces;
  for (const std::string& label : gpus) nonces.push_back(evidence::gpu_nonce(challenge, label));
  Bytes report = chip().unsigned_report();
  std::ranges::copy(tee::tee_report_data(challenge, nonces), report.begin() + 0x50);
  if (debug) report[0x0a] |= std::byte{8};
  return test::MadeSnp::signed_by(chip().vcek, report);
}

void send(test::TestNode& node, Bytes report, bool with_certificates = true) {
  evidence::TeeItem item{"sev_guest", std::move(report), {}};
  if (with_certificates)
    item.auxiliary =
        to_bytes(chip().vcek.certificate().to_pem() + chip().ask.certificate().to_pem());
  node.more.push_back(evidence::make_item(evidence::label::tee, evidence::encode_tee(item)));
}

result::Ear judge(const test::TestNode& node, Need need = Need::any) {
  Policy policy;
  policy.name = "test";
  policy.platform = "board";
  policy.required_pcrs = test::firmware_pcrs;
  policy.quote_max_age = Seconds{600};
  policy.result_lifetime = Seconds{900};
  policy.tee_report = need;
  const hardware::DeviceManifests manifests;
  return appraise(node.verified(), policy,
                  {.reference_values = {},
                   .manifests = manifests,
                   .policies = {},
                   .previous = {},
                   .now = test::appraisal_time + Seconds{5},
                   .verifier = "verifier.example",
                   .verifier_id = {"attest", "test"},
                   .tee_roots = {chip().root.certificate()}})
      .ear;
}

std::optional<result::Check> report_check(const result::Ear& ear) {
  for (const result::Check& check : ear.checks)
    if (check.name == "tee.report") return check;
  return {};
}

}  // namespace

TEST_CASE("a TEE's report for this challenge and these GPUs passes, in a submodule of its own") {
  test::TestNode node;
  for (const char* gpu : {"gpu/2", "gpu/10"})
    node.more.push_back({gpu, "application/other", to_bytes("x")});
  send(node, report_for(node, {"gpu/2", "gpu/10"}));
  const result::Ear ear = judge(node);
  INFO(report_check(ear)->why);
  REQUIRE(report_check(ear)->outcome == Verdict::pass);
  REQUIRE(ear.submods.at("tee").trust_level == result::TrustLevel::hardware_signed);
  REQUIRE(ear.submods.at("tee").status == result::Tier::affirming);
}

TEST_CASE("a report beside other GPUs, or for another challenge, is refused") {
  test::TestNode node;
  node.more.push_back({"gpu/0", "application/other", to_bytes("x")});
  send(node, report_for(node, {}));
  REQUIRE(report_check(judge(node))->outcome == Verdict::refused);
  REQUIRE(judge(node).submods.at("tee").status == result::Tier::contraindicated);

  test::TestNode other;
  send(other, report_for(test::TestNode(), {}));
  REQUIRE(report_check(judge(other))->outcome == Verdict::refused);
}

TEST_CASE("a guest that may be debugged is refused") {
  test::TestNode node;
  send(node, report_for(node, {}, true));
  REQUIRE(report_check(judge(node))->outcome == Verdict::refused);
}

TEST_CASE("a report without its certificates cannot be told") {
  test::TestNode node;
  send(node, report_for(node, {}), false);
  REQUIRE(report_check(judge(node))->outcome == Verdict::incomplete);
}

TEST_CASE("a node without a TEE is incomplete only where policy requires one") {
  const test::TestNode node;
  REQUIRE_FALSE(report_check(judge(node)));
  REQUIRE_FALSE(judge(node).submods.contains("tee"));
  REQUIRE(report_check(judge(node, Need::required))->outcome == Verdict::incomplete);
}
