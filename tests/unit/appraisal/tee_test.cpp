// What a node's trusted execution environment signed, judged with the rest of its evidence.
#include "libattest/appraisal/appraise.h"
#include "libattest/tee/verdict.h"
#include "tests/support/catch.h"
#include "tests/support/made_snp.h"
#include "tests/support/test_ledger_trust.h"
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

// Rest is what else a verdict may rest on.
struct Rest {
  Need measurement = Need::any;
  std::span<const ProvenDeviceValues> values = {};
  const tee::Collateral* collateral = nullptr;
  std::set<statement::DeviceKind> custody = {};
  CustodyOf custody_of = {};
};

result::Ear judge(const test::TestNode& node, Need need = Need::any, const Rest& rest = {}) {
  Policy policy;
  policy.name = "test";
  policy.platform = "board";
  policy.required_pcrs = test::firmware_pcrs;
  policy.quote_max_age = Seconds{600};
  policy.result_lifetime = Seconds{900};
  policy.tee_report = need;
  policy.tee_measurement = rest.measurement;
  policy.custody.required = rest.custody;
  const hardware::DeviceManifests manifests;
  return appraise(node.verified(), policy,
                  {.reference_values = {},
                   .manifests = manifests,
                   .policies = {},
                   .previous = {},
                   .now = test::appraisal_time + Seconds{5},
                   .verifier = "verifier.example",
                   .verifier_id = {"attest", "test"},
                   .device_values = rest.values,
                   .tee_roots = {chip().root.certificate()},
                   .collateral = rest.collateral,
                   .custody = rest.custody_of})
      .ear;
}

std::optional<result::Check> report_check(const result::Ear& ear,
                                          std::string_view name = "tee.report") {
  for (const result::Check& check : ear.checks)
    if (check.name == name) return check;
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

TEST_CASE("collateral that the verifier has serves where the node sends none") {
  test::TestNode node;
  send(node, report_for(node, {}), false);
  tee::Collateral collateral;
  collateral.certificates = {chip().vcek.certificate(), chip().ask.certificate()};
  REQUIRE(report_check(judge(node, Need::any, {.collateral = &collateral}))->outcome ==
          Verdict::pass);
  // And a CRL of the verifier's counts, whatever the node sends.
  collateral.crls = {chip().root.crl({chip().ask.certificate()}, test::appraisal_time - Seconds{60},
                                     test::appraisal_time + Seconds{3600})};
  REQUIRE(report_check(judge(node, Need::any, {.collateral = &collateral}))->outcome ==
          Verdict::refused);
}

TEST_CASE("a guest is held to the reference values of its platform, where the policy asks") {
  test::TestNode node;
  send(node, report_for(node, {}));
  test::TestLedgerTrust ledger;
  const auto proven = [&](const std::string& platform, std::byte value) {
    reference::DeviceValues values{"id", platform, "guest", {}};
    values.values["snp/measurement"] = {{Bytes(48, value), ""}};
    const auto index = ledger.add(statement::Kind::reference_values, "platform:" + platform,
                                  must(reference::encode_device_values(values)));
    return must(prove_device_values(ledger.proven(index)));
  };
  const auto outcome = [&](const std::vector<ProvenDeviceValues>& values) {
    return report_check(judge(node, Need::any, {.measurement = Need::required, .values = values}),
                        "tee.measurement")
        ->outcome;
  };
  const ProvenDeviceValues good = proven("board", std::byte{0xaa});
  REQUIRE(outcome({good}) == Verdict::pass);
  REQUIRE(outcome({proven("board", std::byte{1})}) == Verdict::refused);
  REQUIRE(outcome({proven("board", std::byte{1}), good}) == Verdict::pass);
  REQUIRE(outcome({proven("other", std::byte{0xaa})}) == Verdict::incomplete);
  const std::vector<ProvenDeviceValues> values = {good};
  const auto ear = judge(node, Need::any, {.measurement = Need::required, .values = values});
  REQUIRE(std::ranges::count(ear.reference_values, good.index()) == 1);
  REQUIRE(ear.submods.at("tee").vector.get(result::TrustClaim::executables) ==
          result::value::affirmed);
  REQUIRE_FALSE(report_check(judge(node), "tee.measurement"));
  REQUIRE(report_check(judge(test::TestNode(), Need::any, {.measurement = Need::required}),
                       "tee.measurement")
              ->outcome == Verdict::incomplete);
}

TEST_CASE("a processor's custody is that of the chip id it signs") {
  test::TestNode node;
  send(node, report_for(node, {}));
  std::vector<statement::Subject> asked;
  const Rest rest{.custody = {statement::DeviceKind::chip},
                  .custody_of = [&](const statement::Subject& device) {
                    asked.push_back(device);
                    return std::vector<hardware::ProvenStatement>();
                  }};
  REQUIRE(report_check(judge(node, Need::any, rest), "custody.chip")->outcome == Verdict::refused);
  REQUIRE(std::ranges::count(asked, statement::subject_of(
                                        {statement::DeviceKind::chip, chip().chip_id, {}})) == 1);
}
