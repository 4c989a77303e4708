#include "libattest/appraisal/appraise.h"

#include <algorithm>
#include <set>

#include "libattest/appraisal/checks.h"
#include "libattest/appraisal/custody_checks.h"
#include "libattest/appraisal/gpu_checks.h"
#include "libattest/appraisal/pcr_checks.h"
#include "libattest/appraisal/platform_checks.h"
#include "libattest/appraisal/submods.h"
#include "libattest/appraisal/tee_checks.h"
#include "libattest/base/text.h"

namespace attest::appraisal {

namespace {

// Memory of another AK is none: the TPM's counters differ from key to key.
const NodeMemory* comparable_memory(const VerifiedEvidence& evidence,
                                    const AppraisalInputs& inputs) {
  const bool same = inputs.previous && equal(inputs.previous->ak_name, evidence.ak().name());
  return same ? &*inputs.previous : nullptr;
}

void check_policy(const Policy& policy, const AppraisalInputs& inputs, Checks& checks) {
  constexpr const char* name = "policy.entered";
  for (const hardware::ProvenStatement& statement : inputs.policies) {
    if (statement->kind() != statement::Kind::policy ||
        sha256(statement->payload()) != policy.digest)
      continue;
    checks.pass(name, "the policy is statement " + std::to_string(statement.index()) + " by " +
                          printable(statement->issuer(), 80));
    return;
  }
  checks.cannot_tell(name, "no statement in the ledger holds the policy that nodes are judged by",
                     "a policy statement over " + policy.id(), "none");
}

void check_age(const VerifiedEvidence& evidence, const Policy& policy,
               const AppraisalInputs& inputs, Checks& checks) {
  const Seconds age = inputs.now - evidence.challenge().issued();
  if (age <= policy.quote_max_age) {
    checks.pass("node.age",
                "the quote answers a challenge of " + to_rfc3339(evidence.challenge().issued()));
  } else {
    checks.cannot_tell("node.age", "the quote is too old to say anything about the present",
                       "at most " + to_words(policy.quote_max_age), to_words(age));
  }
}

// What a boot measures once and a running system leaves alone: without 10, which is IMA's, and
// those that systems extend as they go.
tpm::PcrValues booted_pcrs(const tpm::PcrValues& quoted) {
  constexpr tpm::PcrSet kept{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14};
  tpm::PcrValues booted;
  for (const auto& [bank, registers] : quoted.banks())
    for (const auto& [index, value] : registers)
      if (kept.contains(index)) (void)booted.set(bank, index, value);
  return booted;
}

std::optional<tpm::QuoteHistory> history_of(const VerifiedEvidence& evidence,
                                            const AppraisalInputs& inputs) {
  const NodeMemory* before = comparable_memory(evidence, inputs);
  if (!before) return std::nullopt;
  return tpm::compare_quotes({before->clock, before->firmware_version, before->pcrs},
                             {evidence.quote().clock(), evidence.quote().firmware_version(),
                              booted_pcrs(evidence.quote().pcrs())});
}

void check_history(const std::optional<tpm::QuoteHistory>& history, Checks& checks) {
  if (!history) return;
  if (history->acceptable()) {
    checks.pass("node.clock", "since the last evidence: " + history->words);
  } else if (tpm::is_acceptable(history->clock)) {
    checks.refuse("node.clock", "the quote is not of the TPM as it was: " + history->words,
                  "the same firmware, or a reset since", history->words);
  } else {
    checks.refuse("node.clock",
                  "the quote is not newer than the last one accepted: " + history->words,
                  "a later clock, or a reboot since", history->words);
  }
  if (history->changed_in_one_boot)
    checks.refuse("boot.runtime", history->words, "PCRs 0 to 7 as the boot left them",
                  "PCR " + history->changed_pcrs.to_string() + " differs");
}

NodeMemory memory_of(const VerifiedEvidence& evidence, const AppraisalInputs& inputs,
                     const std::optional<tpm::QuoteHistory>& history,
                     std::optional<evidence::ImaState> ima) {
  NodeMemory memory{evidence.ak().name(), evidence.quote().clock(),
                    evidence.quote().firmware_version(), booted_pcrs(evidence.quote().pcrs()),
                    std::move(ima)};
  if (history && history->changed_in_one_boot) memory.pcrs = inputs.previous->pcrs;
  return memory;
}

// What is kept of an IMA list: as far as everything in it was found good. Anything else is to be
// sent and judged again.
std::optional<evidence::ImaState> judged_ima(const VerifiedEvidence& evidence, const Policy& policy,
                                             const AppraisalInputs& inputs, const Checks& checks) {
  const NodeMemory* before = comparable_memory(evidence, inputs);
  const std::uint32_t boot = evidence.quote().clock().reset_count;
  if (evidence.ima() && checks.outcome("ima.") == Verdict::pass) {
    const tpm::ImaCheckpoint& checkpoint = evidence.ima()->checkpoint();
    return evidence::ImaState{policy.digest, boot, checkpoint.entries, checkpoint.bank,
                              checkpoint.pcr};
  }
  if (before && before->ima && before->ima->reset_count == boot) return before->ima;
  return std::nullopt;
}

void check_tpm(const VerifiedEvidence& evidence, const Policy& policy, Checks& checks) {
  if (!evidence.node().software_tpm) {
    checks.pass("node.tpm", "the endorsement key was verified at enrolment");
  } else if (policy.allow_software_tpm) {
    checks.pass("node.tpm", "a software TPM, which protects nothing; the policy allows it");
  } else {
    checks.refuse("node.tpm", "the node has a software TPM, which protects nothing",
                  "a TPM of a manufacturer", "software TPM ek:" + to_hex(evidence.node().ek));
  }
}

void check_manifest(const VerifiedEvidence& evidence, const Policy& policy,
                    const AppraisalInputs& inputs, Checks& checks,
                    std::set<std::uint64_t>& relied_on) {
  constexpr const char* name = "node.manifest";
  const std::string ek = "ek:" + to_hex(evidence.node().ek);
  const hardware::ManifestFinding finding = inputs.manifests.find(evidence.node().ek);
  if (finding.missing()) {
    if (policy.require_manifest)
      checks.cannot_tell(name, "no device manifest in the ledger speaks of this TPM",
                         "a manifest for " + ek, "none");
    return;
  }
  if (finding.disputed()) {
    std::string issuers;
    for (const hardware::KnownManifest* each : finding.manifests)
      issuers += (issuers.empty() ? "" : ", ") + printable(each->issuer, 80) + " (entry " +
                 std::to_string(each->index) + ")";
    checks.refuse(name, "several issuers have a manifest for one TPM", "one issuer", issuers);
    return;
  }
  const hardware::KnownManifest& known = *finding.manifests.front();
  if (known.manifest.node && *known.manifest.node != evidence.node().node) {
    checks.refuse(name, "the manifest of this TPM names another node",
                  printable(*known.manifest.node, 140), evidence.node().node);
    return;
  }
  relied_on.insert(known.index);
  checks.pass(name, "the TPM is that of manifest " + std::to_string(known.index) + " by " +
                        printable(known.issuer, 80));
}

void check_event_log(const VerifiedEvidence& evidence, const Policy& policy, Checks& checks) {
  if (evidence.event_log()) {
    checks.pass("boot.eventlog",
                "the event log explains PCRs " + evidence.event_log()->explained().to_string());
  } else if (const auto& problem = evidence.event_log_problem()) {
    checks.refuse("boot.eventlog",
                  (problem->where.empty() ? "" : problem->where + ": ") + problem->what,
                  problem->expected_value, problem->found_value);
  } else if (policy.event_log == Need::required) {
    checks.cannot_tell("boot.eventlog", "the node sent no event log", "an event log", "none");
  }
}

void check_secure_boot(const VerifiedEvidence& evidence, const Policy& policy, Checks& checks) {
  if (policy.secure_boot != Need::required) return;
  constexpr const char* name = "boot.secure_boot";
  if (!evidence.event_log()) {
    checks.cannot_tell(name, "no event log that the PCRs vouch for says whether Secure Boot is on",
                       "on", "unknown");
    return;
  }
  const tpm::SecureBootState state = evidence.event_log()->secure_boot();
  if (!state.enabled) {
    checks.cannot_tell(name,
                       "the event log does not say whether Secure Boot is on: " + state.reason,
                       "on", "unknown");
  } else if (*state.enabled) {
    checks.pass(name, "Secure Boot is on");
  } else {
    checks.refuse(name, "Secure Boot is off", "on", "off");
  }
}

void check_models(const VerifiedEvidence& evidence, const Policy& policy, Checks& checks) {
  if (evidence.models()) {
    checks.pass("models.report",
                "the node lists " + std::to_string(evidence.models()->size()) + " model files");
  } else if (policy.models == Need::required) {
    checks.cannot_tell("models.report", "the node does not list its models", "a list", "none");
  }
}

std::string brief(const tpm::ImaInspection& inspection) {
  std::string text;
  for (std::size_t i = 0; i < inspection.problems.size() && i < 3; ++i) {
    const tpm::ImaProblem& problem = inspection.problems[i];
    text += (i == 0 ? "" : "; ") + printable(problem.path, 120) + ": " + problem.words;
    if (!problem.found.empty()) text += " (" + problem.found + ")";
  }
  if (inspection.problems_in_all > 3)
    text += " and " + std::to_string(inspection.problems_in_all - 3) + " more";
  return text;
}

// The reference value that names the verifier's list of files.
const ProvenReferenceValues* reference_of_list(const Policy& policy,
                                               const AppraisalInputs& inputs) {
  for (const ProvenReferenceValues& proven : inputs.reference_values)
    if (proven.values().platform == policy.platform && inputs.ima_list != nullptr &&
        std::ranges::any_of(proven.values().ima_lists, [&](const reference::KnownDigest& known) {
          return equal(known.digest, inputs.ima_list->digest);
        }))
      return &proven;
  return nullptr;
}

bool is_list_asked_for(const Policy& policy, const AppraisalInputs& inputs,
                       std::set<std::uint64_t>& relied_on) {
  if (inputs.ima_list == nullptr) return false;
  if (!policy.ima_list_by_reference) return inputs.ima_list->digest == *policy.ima_allow_list;
  const ProvenReferenceValues* proven = reference_of_list(policy, inputs);
  if (proven) relied_on.insert(proven->index());
  return proven != nullptr;
}

void check_ima_files(const tpm::VerifiedImaLog& log, const Policy& policy,
                     const AppraisalInputs& inputs, Checks& checks,
                     std::set<std::uint64_t>& relied_on) {
  if (!policy.judges_ima_files()) return;
  constexpr const char* name = "ima.files";
  if (!is_list_asked_for(policy, inputs, relied_on)) {
    checks.cannot_tell(name,
                       policy.ima_list_by_reference
                           ? "no reference value of the platform names the verifier's list of files"
                           : "the list of files that the policy names is not here",
                       policy.ima_allow_list
                           ? digest_uri(*policy.ima_allow_list)
                           : "a list of reference values for \"" + policy.platform + "\"",
                       inputs.ima_list ? digest_uri(inputs.ima_list->digest) : "none");
    return;
  }
  const tpm::ImaInspection inspection = tpm::inspect_ima_entries(
      log.entries(), {.allow_list = &inputs.ima_list->list, .allow_violations = true});
  if (inspection.problems_in_all == 0)
    checks.pass(name, std::to_string(inspection.allowed + inspection.signed_by_key) +
                          " measured files are allowed, " + std::to_string(inspection.excluded) +
                          " are left out");
  else
    checks.refuse(name,
                  std::to_string(inspection.problems_in_all) +
                      " measured files are not allowed: " + brief(inspection),
                  inspection.problems.front().expected, inspection.problems.front().found);
}

void check_ima(const VerifiedEvidence& evidence, const Policy& policy,
               const AppraisalInputs& inputs, Checks& checks, std::set<std::uint64_t>& relied_on) {
  const bool asked = policy.ima == Need::required || policy.judges_ima_files();
  if (const auto& problem = evidence.ima_problem()) {
    if (asked)
      checks.refuse("ima.list", problem->what, problem->expected_value, problem->found_value);
    return;
  }
  if (!evidence.ima()) {
    if (asked)
      checks.cannot_tell("ima.list", "there is no IMA list that a quoted PCR 10 vouches for",
                         "an IMA list, and PCR 10 in the quote", "none");
    return;
  }
  const tpm::VerifiedImaLog& log = *evidence.ima();
  std::string words =
      "PCR 10 vouches for " + std::to_string(log.entries().size()) + " entries of the IMA list";
  if (evidence.ima_before() > 0) {
    const std::string earlier = std::to_string(evidence.ima_before());
    if (evidence.challenge().ima()->policy != policy.digest) {
      checks.cannot_tell("ima.list",
                         "the first " + earlier +
                             " entries of the IMA list were judged by another policy, and not sent",
                         "policy " + policy.id(),
                         "policy " + digest_uri(evidence.challenge().ima()->policy));
      return;
    }
    words += ", after " + earlier + " that were judged before";
  }
  checks.pass("ima.list", std::move(words));
  const tpm::ImaViolations violations = tpm::count_violations(log.entries());
  if (violations.in_all() > 0 && asked && !policy.ima_allow_violations)
    checks.refuse("ima.violations",
                  "files changed while they were measured or in use: nobody knows what ran", "none",
                  violations.words());
  check_ima_files(log, policy, inputs, checks, relied_on);
}

// since_last says what the clock means for a PCR that changed.
std::string since_last(const VerifiedEvidence& evidence, const AppraisalInputs& inputs) {
  const NodeMemory* before = comparable_memory(evidence, inputs);
  if (!before) return "";
  const tpm::ClockInfo& now = evidence.quote().clock();
  const tpm::ClockChange change = tpm::compare_clocks(before->clock, now);
  const std::string words = tpm::in_words(change, before->clock, now);
  switch (change) {
    case tpm::ClockChange::rebooted:
    case tpm::ClockChange::power_cut:
      return words + ": a boot from other files, not a change at run time";
    case tpm::ClockChange::advanced:
    case tpm::ClockChange::resumed:
      return words + ": no boot since the last evidence, so a change at run time";
    case tpm::ClockChange::replayed:
    case tpm::ClockChange::inconsistent:
      break;
  }
  return "";
}

NodeDevice tpm_of(const VerifiedEvidence& evidence) {
  return {"ek", statement::DeviceKind::ek,
          statement::DeviceIdentity{statement::DeviceKind::ek, {}, evidence.node().ek}};
}

std::vector<std::string> list_not_checked(const VerifiedEvidence& evidence, const Policy& policy,
                                          const AppraisalInputs& inputs, const Checks& checks) {
  std::vector<std::string> list;
  for (const std::string& item : evidence.unread())
    list.push_back(item + ": carried, not appraised");
  if (!comparable_memory(evidence, inputs))
    list.push_back("TPM clock: there is no earlier evidence by this AK to compare with");
  if (const auto& problem = evidence.ima_problem();
      problem && policy.ima != Need::required && !policy.judges_ima_files())
    list.push_back("ima: carried, not vouched for (" + problem->what +
                   "); the policy does not ask");
  if (evidence.ima() && !policy.judges_ima_files())
    list.push_back("ima: which files may run; the policy names no list");
  if (policy.secure_boot != Need::required) list.push_back("Secure Boot: the policy does not ask");
  if (!policy.require_manifest && inputs.manifests.find(evidence.node().ek).missing())
    list.push_back("device manifest: none is there, and the policy does not ask for one");
  tpm::PcrSet quoted;
  for (const auto& bank : evidence.quote().selection().banks)
    for (const unsigned pcr : bank.pcrs.indexes()) quoted.insert(pcr);
  if (const auto others = quoted.without(policy.required_pcrs); !others.empty())
    list.push_back("PCR " + others.to_string() + ": quoted, but the policy does not judge them");
  if (evidence.platform() && !checks.any("platform."))
    list.push_back("platform: certificates carried, not judged; the policy does not ask");
  if (evidence.platform() && evidence.platform()->inventory && !checks.any("components."))
    list.push_back("components: as the host lists them, compared with nothing");
  if (checks.any("place."))
    list.push_back("place: that devices are where their holders say; no statement proves it");
  if (evidence.models()) list.push_back("models: listed by the host, their lineage is not judged");
  if (evidence.host()) list.push_back("host inventory: as the host reports it");
  return list;
}

std::vector<std::string> reasons_of(const Checks& checks) {
  std::vector<std::string> reasons;
  for (const Verdict outcome : {Verdict::refused, Verdict::incomplete})
    for (const Check& check : checks.all())
      if (check.outcome == outcome) reasons.push_back(check.name + ": " + check.why);
  return reasons;
}

result::Ear make_ear(const VerifiedEvidence& evidence, const Policy& policy,
                     const AppraisalInputs& inputs, const Checks& checks,
                     std::span<const NodeDevice> devices) {
  result::Ear ear;
  ear.issued_at = inputs.now;
  ear.expires = inputs.now + policy.result_lifetime;
  ear.nonce = to_bytes(ByteView(evidence.challenge().nonce()));
  ear.verifier_id = inputs.verifier_id;
  ear.issuer = inputs.verifier;
  ear.subject = evidence.node().node;
  ear.id = to_hex(evidence.digest());
  if (evidence.runtime_key()) {
    ear.runtime_key = evidence.runtime_key()->thumbprint();
    ear.executable = evidence.runtime_key()->executable;
  }
  ear.submods = make_submods(evidence, policy, checks, devices);
  ear.checks = checks.all();
  ear.not_checked = list_not_checked(evidence, policy, inputs, checks);
  ear.verdict = checks.outcome("");
  return ear;
}

}  // namespace

Appraisal appraise(const VerifiedEvidence& evidence, const Policy& policy,
                   const AppraisalInputs& inputs) {
  Checks checks;
  std::set<std::uint64_t> relied_on;
  check_policy(policy, inputs, checks);
  check_age(evidence, policy, inputs, checks);
  const auto history = history_of(evidence, inputs);
  check_history(history, checks);
  check_tpm(evidence, policy, checks);
  check_manifest(evidence, policy, inputs, checks, relied_on);
  const PcrInputs pcr_inputs{evidence, policy, inputs.reference_values,
                             since_last(evidence, inputs)};
  relied_on.merge(check_pcrs(pcr_inputs, checks));
  check_event_log(evidence, policy, checks);
  check_secure_boot(evidence, policy, checks);
  check_ima(evidence, policy, inputs, checks, relied_on);
  check_models(evidence, policy, checks);
  std::vector<NodeDevice> devices = {tpm_of(evidence)};
  GpuFindings gpus = check_gpus(evidence, policy, inputs, checks);
  relied_on.merge(gpus.relied_on);
  std::ranges::move(gpus.devices, std::back_inserter(devices));
  TeeFindings tee = check_tee(evidence, policy, inputs, checks);
  relied_on.merge(tee.relied_on);
  if (tee.chip) devices.push_back(*std::move(tee.chip));
  if (auto machine = check_platform(evidence, policy, inputs, checks))
    devices.push_back(*std::move(machine));
  relied_on.merge(check_custody(devices, policy, inputs, checks));

  Appraisal appraisal;
  appraisal.ear = make_ear(evidence, policy, inputs, checks, devices);
  appraisal.ear.reference_values.assign(relied_on.begin(), relied_on.end());
  appraisal.verdict = *appraisal.ear.verdict;
  appraisal.reasons = reasons_of(checks);
  if (checks.outcome("node.clock") != Verdict::refused)
    appraisal.memory =
        memory_of(evidence, inputs, history, judged_ima(evidence, policy, inputs, checks));
  if (history && history->words != tpm::in_words(tpm::ClockChange::advanced, {}, {}))
    appraisal.since_last = history->words;
  return appraisal;
}

}  // namespace attest::appraisal
