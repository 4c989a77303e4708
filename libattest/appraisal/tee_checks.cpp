#include "libattest/appraisal/tee_checks.h"

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

}  // namespace

void check_tee(const VerifiedEvidence& evidence, const Policy& policy,
               const AppraisalInputs& inputs, Checks& checks) {
  if (!evidence.tee()) {
    if (policy.tee_report == Need::required)
      checks.cannot_tell(name, "the node sent no report of a trusted execution environment",
                         "a report", "none");
    return;
  }
  const evidence::TeeItem& item = *evidence.tee();
  tee::Collateral collateral;
  // What the host hands over is not believed, only used: what does not parse helps nobody.
  if (item.auxiliary) (void)collateral.add(*item.auxiliary);
  std::vector<Sha256> nonces;
  for (const std::string& label : evidence.gpu_labels())
    nonces.push_back(evidence::gpu_nonce(evidence.challenge().digest(), label));
  const tee::TeeRules rules{
      .at = inputs.now,
      .roots = inputs.tee_roots,
      .report_data = tee::tee_report_data(evidence.challenge().digest(), nonces)};
  const tee::TeeVerdict verdict = tee::judge_tee(item.report, collateral, rules);
  if (verdict.pass()) {
    checks.pass(name, std::string(tee::to_string(verdict.kind)) + ": " + joined(verdict.passed));
    return;
  }
  const Error& why = deciding(verdict);
  if (verdict.refused())
    checks.refuse(name, why.what, why.expected_value, why.found_value);
  else
    checks.cannot_tell(name, why.what, why.expected_value, why.found_value);
}

}  // namespace attest::appraisal
