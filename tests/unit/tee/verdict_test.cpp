#include "libattest/tee/verdict.h"

#include "tests/support/catch.h"
#include "tests/support/made_tdx.h"

namespace attest::tee {
namespace {

const Time now = from_unix(1'799'000'000);

Collateral snp_collateral(const test::MadeSnp& made) {
  Collateral collateral;
  collateral.certificates = {made.vcek.certificate(), made.ask.certificate()};
  return collateral;
}
TeeRules snp_rules(const test::MadeSnp& made) {
  return {.at = now, .roots = {made.root.certificate()}};
}

Collateral tdx_collateral(const test::MadeTdx& made, const std::string& status = "UpToDate") {
  Collateral collateral;
  collateral.certificates = {made.tcb_signing.certificate()};
  collateral.crls = made.crls(now);
  collateral.tcb_infos = {must(parse_tcb_info(
      test::signed_json(made.tcb_signing, "tcbInfo", test::tcb_info_body({{.status = status}}))))};
  collateral.qe_identities = {must(parse_qe_identity(
      test::signed_json(made.tcb_signing, "enclaveIdentity", test::qe_identity_body())))};
  return collateral;
}
TeeRules tdx_rules(const test::MadeTdx& made) {
  return {.at = now, .roots = {made.root.certificate()}};
}

// only_finding gives the rule of the one finding there is.
std::string only_finding(const TeeVerdict& verdict) {
  for (const Error& finding : verdict.findings) UNSCOPED_INFO(finding.to_string());
  REQUIRE(verdict.findings.size() == 1);
  return std::string(verdict.findings.front().rule.name);
}
std::string name(Rule rule) {
  return std::string(rule.name);
}

TEST_CASE("genuine evidence of both kinds passes") {
  const test::MadeSnp snp;
  REQUIRE(judge_tee(snp.report(), snp_collateral(snp), snp_rules(snp)).pass());
  const test::MadeTdx tdx;
  const TeeVerdict verdict = judge_tee(tdx.quote(), tdx_collateral(tdx), tdx_rules(tdx));
  REQUIRE(verdict.pass());
  REQUIRE(verdict.tdx_tcb->status == TcbStatus::up_to_date);
}

TEST_CASE("a guest that may be debugged is refused unless that is allowed") {
  const test::MadeSnp snp;
  Bytes report = snp.unsigned_report();
  report[0x0a] |= std::byte{8};
  report = test::MadeSnp::signed_by(snp.vcek, report);
  TeeRules rules = snp_rules(snp);
  REQUIRE(only_finding(judge_tee(report, snp_collateral(snp), rules)) == name(rules::tee_debug));
  rules.allow_debug = true;
  REQUIRE(judge_tee(report, snp_collateral(snp), rules).pass());

  test::MadeTdx tdx;
  tdx.attributes = 1;
  REQUIRE(only_finding(judge_tee(tdx.quote(), tdx_collateral(tdx), tdx_rules(tdx))) ==
          name(rules::tee_debug));
}

TEST_CASE("evidence made for another question is refused") {
  const test::MadeTdx tdx;
  TeeRules rules = tdx_rules(tdx);
  rules.report_data = Bytes(64, std::byte{0x42});
  REQUIRE(judge_tee(tdx.quote(), tdx_collateral(tdx), rules).pass());
  rules.report_data = Bytes(32, std::byte{0x42});  // padded with zeros
  REQUIRE(only_finding(judge_tee(tdx.quote(), tdx_collateral(tdx), rules)) ==
          name(rules::tee_report_data_differs));
}

TEST_CASE("report data binds the challenge and the nonces of the GPUs") {
  const Sha256 challenge = sha256(as_bytes("challenge"));
  const Sha256 gpu = sha256(as_bytes("gpu"));
  const Bytes bound = tee_report_data(challenge, {gpu});
  REQUIRE(bound.size() == 64);
  REQUIRE(bound != tee_report_data(challenge, {}));
  REQUIRE(bound != tee_report_data(sha256(as_bytes("other")), {gpu}));
  REQUIRE(bound != tee_report_data(challenge, {gpu, gpu}));
}

TEST_CASE("a patch level that is too old is refused unless it is accepted by name") {
  const test::MadeTdx tdx;
  TeeRules rules = tdx_rules(tdx);
  const Collateral old = tdx_collateral(tdx, "OutOfDate");
  REQUIRE(only_finding(judge_tee(tdx.quote(), old, rules)) == name(rules::tee_tcb_status));
  rules.accepted.insert(TcbStatus::out_of_date);
  REQUIRE(judge_tee(tdx.quote(), old, rules).pass());
  REQUIRE(judge_tee(tdx.quote(), tdx_collateral(tdx, "ConfigurationNeeded"), rules).pass());
  REQUIRE(only_finding(judge_tee(tdx.quote(), tdx_collateral(tdx, "Revoked"), rules)) ==
          name(rules::tee_tcb_status));
}

TEST_CASE("a TCB signer that was revoked is not believed") {
  const test::MadeTdx tdx;
  Collateral collateral = tdx_collateral(tdx);
  collateral.crls = tdx.crls(now, {tdx.tcb_signing.certificate()});
  const TeeVerdict verdict = judge_tee(tdx.quote(), collateral, tdx_rules(tdx));
  REQUIRE(verdict.refused());
  REQUIRE(std::string(verdict.findings.front().rule.name) == name(rules::chain_revoked));
}

TEST_CASE("missing collateral leaves what else was checked standing, and is never a pass") {
  const test::MadeTdx tdx;
  const auto incomplete_with = [&](auto change) {
    Collateral collateral = tdx_collateral(tdx);
    change(collateral);
    const TeeVerdict verdict = judge_tee(tdx.quote(), collateral, tdx_rules(tdx));
    REQUIRE_FALSE(verdict.refused());
    REQUIRE(verdict.tdx);
    REQUIRE_FALSE(verdict.passed.empty());
    return only_finding(verdict);
  };
  REQUIRE(incomplete_with([](Collateral& c) { c.tcb_infos.clear(); }) ==
          name(rules::tee_no_collateral));
  REQUIRE(incomplete_with([](Collateral& c) { c.qe_identities.clear(); }) ==
          name(rules::tee_no_collateral));
  REQUIRE(incomplete_with([](Collateral& c) { c.crls.clear(); }) == name(rules::chain_crl));
  REQUIRE(incomplete_with([](Collateral& c) { c.crls.pop_back(); }) == name(rules::chain_crl));
}

TEST_CASE("a root that only the collateral brings is not believed") {
  const test::MadeSnp snp;
  Collateral collateral = snp_collateral(snp);
  collateral.certificates.push_back(snp.root.certificate());
  REQUIRE(only_finding(judge_tee(snp.report(), collateral, {.at = now, .roots = {}})) ==
          name(rules::chain_untrusted_root));
}

TEST_CASE("bytes behind a quote are counted and said") {
  const test::MadeTdx tdx;
  const TeeVerdict verdict =
      judge_tee(concat({tdx.quote(), Bytes(39)}), tdx_collateral(tdx), tdx_rules(tdx));
  REQUIRE(verdict.pass());
  REQUIRE(verdict.trailing == 39);
}

TEST_CASE("what is no evidence of a TEE is refused") {
  REQUIRE_RULE(recognise(Bytes(1024)), rules::tee_kind);
  REQUIRE_FALSE(recognise(Bytes(3)));
  REQUIRE(judge_tee(Bytes(10), {}, {.at = now, .roots = {}}).refused());
}

reference::DeviceValues guest(std::map<std::string, Bytes> values, std::string description) {
  reference::DeviceValues made{"id", "board", std::move(description), {}};
  for (auto& [name, value] : values) made.values[name] = {{std::move(value), ""}};
  return made;
}

TEST_CASE("a guest is one that reference values describe, whole, or is refused") {
  const test::MadeSnp snp;
  TeeRules rules = snp_rules(snp);
  const auto good = guest({{"snp/measurement", Bytes(48, std::byte{0xaa})}}, "image 12");
  const auto other = guest({{"snp/measurement", Bytes(48, std::byte{0xab})}}, "image 13");
  rules.reference_values = {&other, &good};
  REQUIRE(judge_tee(snp.report(), snp_collateral(snp), rules).pass());
  rules.reference_values = {&other};
  const TeeVerdict verdict = judge_tee(snp.report(), snp_collateral(snp), rules);
  REQUIRE(only_finding(verdict) == name(rules::tee_measurement));
  REQUIRE(verdict.refused());
  REQUIRE(verdict.findings.front().what.find("image 13") != std::string::npos);
  // Values of another kind of guest say nothing of this one.
  const auto tdx_values = guest({{"tdx/mrtd", Bytes(48)}}, "a TD");
  rules.reference_values = {&tdx_values};
  const TeeVerdict unknown = judge_tee(snp.report(), snp_collateral(snp), rules);
  REQUIRE(only_finding(unknown) == name(rules::tee_no_reference));
  REQUIRE_FALSE(unknown.refused());
}

TEST_CASE("a TD is held to every register that one set of reference values names") {
  const test::MadeTdx tdx;
  TeeRules rules = tdx_rules(tdx);
  const Bytes quote = tdx.quote();
  const auto verified = judge_tee(quote, tdx_collateral(tdx), rules);
  REQUIRE(verified.tdx);
  const Measured measured = measured_by(*verified.tdx);
  REQUIRE(measured.size() == 6);
  auto values = guest({measured.begin(), measured.end()}, "image 12");
  rules.reference_values = {&values};
  REQUIRE(judge_tee(quote, tdx_collateral(tdx), rules).pass());
  // One register that differs, though all others are met: two sets are not mixed.
  values.values["tdx/rtmr1"] = {{Bytes(48, std::byte{0x77}), ""}};
  auto start = guest({{"tdx/rtmr1", measured.at("tdx/rtmr1")}}, "without a start");
  rules.reference_values = {&values, &start};
  REQUIRE(only_finding(judge_tee(quote, tdx_collateral(tdx), rules)) ==
          name(rules::tee_measurement));
}

}  // namespace
}  // namespace attest::tee
