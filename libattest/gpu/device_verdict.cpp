#include "libattest/gpu/device_verdict.h"

#include <algorithm>

namespace attest::gpu {

using result::Check;
using result::Verdict;

namespace {

Check passed(Rule rule, std::string why) {
  return {std::string(rule.name), Verdict::pass, "", "", std::move(why)};
}

std::string kind_words(RimKind kind) {
  switch (kind) {
    case RimKind::driver:
      return "driver";
    case RimKind::vbios:
      return "VBIOS";
    case RimKind::switch_bios:
      return "switch BIOS";
  }
  return "";
}

// Asks for the status of chain[first] up to, and without, the root.
void check_revocation(const VerifiedChain& chain, std::size_t first, const Stapled& stapled,
                      const std::string& whose, DeviceVerdict& verdict) {
  std::size_t good = 0;
  bool failed = false;
  for (std::size_t i = first; i + 1 < chain.certificates().size(); ++i) {
    const auto status = check_status(chain, i, stapled.responses, stapled.at);
    if (!status) verdict.checks.push_back(check_of(status.error()));
    failed = failed || !status;
    ++good;
  }
  if (!failed)
    verdict.checks.push_back(
        {"gpu.ocsp", Verdict::pass, "", "",
         "the issuers say \"good\" of " + std::to_string(good) + " of " + whose + " certificates"});
}

void check_device_revocation(const VerifiedDeviceChain& chain, const DeviceCollateral& collateral,
                             DeviceVerdict& verdict) {
  if (!collateral.crls.empty())
    verdict.checks.push_back({"gpu.crl", Verdict::pass, "", "",
                              "no CRL that was given revokes the device's certificates"});
  if (!collateral.ocsp) {
    if (collateral.crls.empty())
      verdict.not_checked.emplace_back("revocation: no OCSP responses and no CRLs were given");
    return;
  }
  check_revocation(chain.chain(), 1, *collateral.ocsp, "the device's", verdict);
  if (!collateral.ocsp->rims_too)
    verdict.not_checked.emplace_back("revocation of the RIM files' signers: not asked about");
}

const CollectedRim* find_rim(std::span<const CollectedRim> rims, const NeededRim& need) {
  const CollectedRim* best = nullptr;
  for (const CollectedRim& rim : rims) {
    if (!answers(rim.content, need)) continue;
    if (rim.verified) return &rim;
    if (best == nullptr || rim.vouched) best = &rim;
  }
  return best;
}

void report_missing(std::span<const CollectedRim> rims, const NeededRim& need,
                    DeviceVerdict& verdict) {
  std::string others;
  for (const CollectedRim& rim : rims)
    if (rim.content.kind == need.kind) others += (others.empty() ? "" : ", ") + rim.content.title();
  if (others.empty()) {
    verdict.missing.push_back(need);
    verdict.checks.push_back(check_of(incomplete(
        rules::rim_missing, "the " + kind_words(need.kind) +
                                " measurements cannot be judged: " + need.id + " is not at hand")));
    return;
  }
  verdict.checks.push_back(
      check_of(refused(rules::rim_version,
                       "the " + kind_words(need.kind) + " RIM is not for what the device runs")
                   .expected(need.product + " " + need.version)
                   .found(others)));
}

// The RIMs the comparison rests on; problems of others are findings.
std::vector<const CollectedRim*> choose_rims(const VerifiedReport& report,
                                             const DeviceCollateral& collateral,
                                             DeviceVerdict& verdict) {
  std::vector<const CollectedRim*> chosen;
  for (const NeededRim& need : needed_rims(report)) {
    const CollectedRim* rim = find_rim(collateral.rims, need);
    if (rim == nullptr) {
      report_missing(collateral.rims, need, verdict);
    } else if (!rim->verified && rim->vouched) {
      verdict.checks.push_back(
          passed(rules::rim_vouched, rim->content.title() + " by the word of " + *rim->vouched +
                                         ", not signed by the device's maker"));
      chosen.push_back(rim);
    } else if (!rim->verified) {
      Error problem = *rim->problem;
      verdict.checks.push_back(check_of(problem.within(rim->name)));
    } else {
      verdict.checks.push_back(
          passed(rules::rim_signature, rim->content.title() + " is signed, its signer tied to " +
                                           rim->verified->signer().root().subject()));
      chosen.push_back(rim);
    }
  }
  return chosen;
}

void check_overlap(const std::vector<const CollectedRim*>& rims, DeviceVerdict& verdict) {
  if (rims.size() != 2) return;
  const std::vector<unsigned> both = overlap(rims[0]->content, rims[1]->content);
  if (both.empty()) {
    verdict.checks.push_back(
        passed(rules::rim_overlap, "driver and VBIOS speak of different ones"));
    return;
  }
  std::string indexes;
  for (const unsigned index : both)
    indexes += (indexes.empty() ? "" : ", ") + std::to_string(index);
  verdict.checks.push_back(
      check_of(refused(rules::rim_overlap, "driver and VBIOS RIM both speak of one measurement")
                   .expected("no common active index")
                   .found("index " + indexes)));
}

std::string indexes_of(const RimComparison& comparison) {
  std::string indexes;
  for (const Mismatch& mismatch : comparison.mismatches)
    indexes += (indexes.empty() ? "" : ", ") + std::to_string(mismatch.index);
  return indexes;
}

void check_measurements(const RimComparison& comparison, bool complete, DeviceVerdict& verdict) {
  const std::string counts =
      std::to_string(comparison.matched) + " of " + std::to_string(comparison.active);
  Check check{"gpu.measurements." + std::string(to_string(comparison.kind)), Verdict::pass, "", "",
              counts + " " + kind_words(comparison.kind) + " measurements match"};
  if (comparison.skipped > 0) check.why += "; NVDEC0 is off and not judged";
  if (!comparison.mismatches.empty()) {
    check.outcome = complete ? Verdict::refused : Verdict::incomplete;
    check.expected = std::to_string(comparison.active) + " of " + std::to_string(comparison.active);
    check.found = counts;
    check.why = kind_words(comparison.kind) + " measurements differ from " + comparison.title +
                " at index " + indexes_of(comparison);
    if (!complete) check.why += "; not judged until every RIM the report calls for is there";
  }
  verdict.checks.push_back(std::move(check));
}

void check_rim_revocation(const std::vector<const CollectedRim*>& rims,
                          const DeviceCollateral& collateral, DeviceVerdict& verdict) {
  if (!collateral.ocsp || !collateral.ocsp->rims_too) return;
  for (const CollectedRim* rim : rims)
    if (rim->verified)
      check_revocation(rim->verified->signer(), 0, *collateral.ocsp,
                       "the " + kind_words(rim->content.kind) + " RIM signer's", verdict);
}

void note_verified(const VerifiedReport& report, DeviceVerdict& verdict) {
  const DeviceIdentity& device = report.device();
  verdict.checks.push_back(
      passed(rules::device_identity, device.model + " " + device.device_serial + ", root pinned"));
  verdict.checks.push_back(passed(rules::report_signature, "signed by the device's leaf"));
  if (report.nonce_checked())
    verdict.checks.push_back(passed(rules::report_nonce, "the report answers our nonce"));
  else
    verdict.not_checked.emplace_back("freshness: no nonce was given");
  if (report.opaque().firmware_id)
    verdict.checks.push_back(
        passed(rules::report_firmware_id, "the firmware that reports is the certificate's"));
  else
    verdict.not_checked.emplace_back("firmware id: this firmware does not report one");
  verdict.not_checked.emplace_back("devtools mode: only the host reports it");
}

}  // namespace

Verdict verdict_of(std::span<const Check> checks) {
  const auto has = [checks](Verdict outcome) {
    return std::ranges::find(checks, outcome, &Check::outcome) != checks.end();
  };
  if (has(Verdict::refused)) return Verdict::refused;
  return checks.empty() || has(Verdict::incomplete) ? Verdict::incomplete : Verdict::pass;
}

Check check_of(const Error& error) {
  const Verdict outcome = error.kind == ErrorKind::refused ? Verdict::refused : Verdict::incomplete;
  std::string why = error.where.empty() ? error.what : error.where + ": " + error.what;
  return {std::string(error.rule.name), outcome, error.expected_value, error.found_value,
          std::move(why)};
}

Result<CollectedRim> collect_rim(std::string name, ByteView bytes, const RootPins& roots,
                                 std::optional<Time> at) {
  TRY_WITHIN(name, const UntrustedRim rim, parse_rim(bytes));
  CollectedRim collected{std::move(name), rim.content, {}, {}};
  if (auto verified = verify_rim(rim, roots, at))
    collected.verified = *std::move(verified);
  else
    collected.problem = std::move(verified).error();
  return collected;
}

DeviceVerdict judge_report(const VerifiedReport& report, const VerifiedDeviceChain& chain,
                           const DeviceCollateral& collateral) {
  DeviceVerdict verdict;
  verdict.report = report;
  note_verified(report, verdict);
  check_device_revocation(chain, collateral, verdict);
  const std::vector<const CollectedRim*> rims = choose_rims(report, collateral, verdict);
  check_rim_revocation(rims, collateral, verdict);
  check_overlap(rims, verdict);
  std::vector<RimContent> known;
  for (const CollectedRim& rim : collateral.rims) known.push_back(rim.content);
  for (const CollectedRim* rim : rims) {
    verdict.rims.push_back(compare(report, rim->content, known));
    check_measurements(verdict.rims.back(), verdict.missing.empty(), verdict);
  }
  verdict.verdict = verdict_of(verdict.checks);
  return verdict;
}

DeviceVerdict judge_device(const DeviceEvidence& evidence, const RootPins& roots, Time at,
                           const DeviceCollateral& collateral) {
  const auto failed = [](const Error& error) {
    DeviceVerdict verdict;
    verdict.checks.push_back(check_of(error));
    verdict.verdict = verdict_of(verdict.checks);
    verdict.not_checked.emplace_back("everything that rests on the report");
    return verdict;
  };
  const auto chain = verify_device_chain(evidence.chain, roots, at, collateral.crls);
  if (!chain) return failed(chain.error());
  const auto report = verify_report(evidence.report, *chain, evidence.nonce);
  if (!report) return failed(report.error());
  return judge_report(*report, *chain, collateral);
}

}  // namespace attest::gpu
