#include "libattest/appraisal/tee_checks.h"

#include "libattest/base/text.h"
#include "libattest/evidence/evidence.h"
#include "libattest/tee/verdict.h"

namespace attest::appraisal {

namespace {

constexpr const char* name = "tee.report";

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

// The finding that decides: one that is refused before one that cannot be told.
const Error& deciding(const tee::TeeVerdict& verdict) {
  for (const Error& each : verdict.findings)
    if (each.kind == ErrorKind::refused) return each;
  return verdict.findings.front();
}

NodeDevice chip_of(const tee::TeeVerdict& verdict) {
  NodeDevice chip{"chip", statement::DeviceKind::chip, {}};
  if (verdict.snp)
    chip.identity = {chip.kind, to_bytes((*verdict.snp)->chip_id), {}};
  else if (verdict.tdx && !verdict.tdx->platform().ppid.empty())
    chip.identity = {chip.kind, verdict.tdx->platform().ppid, {}};
  return chip;
}

tee::TeeVerdict judge(const VerifiedEvidence& evidence, const AppraisalInputs& inputs) {
  const evidence::TeeItem& item = *evidence.tee();
  tee::Collateral collateral = inputs.collateral ? *inputs.collateral : tee::Collateral();
  // What the host hands over is not believed, only used: what does not parse helps nobody.
  if (item.auxiliary) (void)collateral.add(*item.auxiliary);
  std::vector<Sha256> nonces;
  for (const std::string& label : evidence.gpu_labels())
    nonces.push_back(evidence::gpu_nonce(evidence.challenge().digest(), label));
  const tee::TeeRules rules{
      .at = inputs.now,
      .roots = inputs.tee_roots,
      .report_data = tee::tee_report_data(evidence.challenge().digest(), nonces)};
  return tee::judge_tee(item.report, collateral, rules);
}

void add(const char* check, const Error& why, Checks& checks) {
  if (why.kind == ErrorKind::refused)
    checks.refuse(check, why.what, why.expected_value, why.found_value);
  else
    checks.cannot_tell(check, why.what, why.expected_value, why.found_value);
}

void check_guest(const tee::TeeVerdict& verdict, const Policy& policy,
                 const AppraisalInputs& inputs, TeeFindings& findings, Checks& checks) {
  constexpr const char* check = "tee.measurement";
  if (policy.tee_measurement == Need::any) return;
  if (!verdict.snp && !verdict.tdx)
    return checks.cannot_tell(check, "no report that holds says what runs in the guest");
  const tee::Measured measured =
      verdict.snp ? tee::measured_by(*verdict.snp) : tee::measured_by(*verdict.tdx);
  std::vector<const reference::DeviceValues*> values;
  std::vector<std::uint64_t> indexes;
  for (const ProvenDeviceValues& each : inputs.device_values) {
    if (each.values().name != policy.platform) continue;
    values.push_back(&each.values());
    indexes.push_back(each.index());
  }
  const auto met = tee::check_measured(measured, values);
  if (!met) return add(check, met.error(), checks);
  findings.relied_on.insert(indexes[*met]);
  checks.pass(check, "the guest is \"" + printable(values[*met]->description, 80) +
                         "\", statement " + std::to_string(indexes[*met]));
}

}  // namespace

TeeFindings check_tee(const VerifiedEvidence& evidence, const Policy& policy,
                      const AppraisalInputs& inputs, Checks& checks) {
  if (!evidence.tee()) {
    if (policy.tee_report == Need::required)
      checks.cannot_tell(name, "the node sent no report of a trusted execution environment",
                         "a report", "none");
    if (policy.tee_measurement == Need::required)
      checks.cannot_tell("tee.measurement", "the node runs in no guest that is measured",
                         "a report", "none");
    return {};
  }
  const tee::TeeVerdict verdict = judge(evidence, inputs);
  if (verdict.pass())
    checks.pass(name, std::string(tee::to_string(verdict.kind)) + ": " + joined(verdict.passed));
  else
    add(name, deciding(verdict), checks);
  TeeFindings findings{chip_of(verdict), {}};
  check_guest(verdict, policy, inputs, findings, checks);
  return findings;
}

}  // namespace attest::appraisal
