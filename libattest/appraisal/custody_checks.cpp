#include "libattest/appraisal/custody_checks.h"

#include <algorithm>
#include <array>

#include "libattest/base/text.h"

namespace attest::appraisal {

namespace {

using hardware::CustodyVerdict;
using statement::DeviceKind;

bool is_of_place(const Error& finding) {
  constexpr std::array of_place = {rules::custody_region, rules::custody_no_place,
                                   rules::custody_not_inspected, rules::custody_inspection_differs};
  return std::ranges::find(of_place, finding.rule) != of_place.end();
}

// Of several findings the one that decides: refused before incomplete, the first of its kind.
const Error* deciding(const std::vector<Error>& findings, bool of_place) {
  const Error* found = nullptr;
  for (const Error& each : findings) {
    if (is_of_place(each) != of_place) continue;
    if (each.kind == ErrorKind::refused) return &each;
    if (found == nullptr) found = &each;
  }
  return found;
}

void add(const std::string& name, const Error& finding, Checks& checks) {
  const std::string why = finding.what + (finding.where.empty() ? "" : " (" + finding.where + ")");
  if (finding.kind == ErrorKind::refused)
    checks.refuse(name, why, finding.expected_value, finding.found_value);
  else
    checks.cannot_tell(name, why, finding.expected_value, finding.found_value);
}

void check_life(const NodeDevice& device, const CustodyVerdict& verdict, Checks& checks) {
  const std::string name = "custody." + device.name;
  if (const Error* finding = deciding(verdict.findings, false)) return add(name, *finding, checks);
  if (verdict.decommissioned)
    return checks.refuse(name, "the device was decommissioned, and answers all the same",
                         "a device in use",
                         "decommissioned by " + verdict.owner.value_or("nobody"));
  checks.pass(name, "held by " + printable(verdict.holder.value_or("nobody"), 80) + ", owned by " +
                        printable(verdict.owner.value_or("nobody"), 80) + ", " +
                        std::to_string(verdict.steps.size()) + " statements");
}

void check_place(const NodeDevice& device, const CustodyVerdict& verdict, const Policy& policy,
                 Checks& checks) {
  const std::string name = "place." + device.name;
  if (const Error* finding = deciding(verdict.findings, true)) return add(name, *finding, checks);
  const bool asked =
      !policy.custody.rules.allowed_regions.empty() || policy.custody.rules.require_inspection;
  if (!verdict.place || !asked) return;
  const hardware::PlacedAt& place = *verdict.place;
  checks.pass(name, printable(place.place.region, 80) + " by the word of " +
                        printable(place.party, 80) +
                        (place.inspector ? ", seen by " + printable(*place.inspector, 80) : ""));
}

// A custody that nobody asks for says nothing by its absence; what it says against a device counts.
bool concerns(const CustodyVerdict& verdict, bool required) {
  return required || !verdict.steps.empty() ||
         std::ranges::any_of(verdict.findings, [](const Error& each) {
           return each.rule != rules::custody_unclaimed;
         });
}

void check_device(const NodeDevice& device, const Policy& policy, const AppraisalInputs& inputs,
                  Checks& checks, std::set<std::uint64_t>& relied_on) {
  const std::string name = "custody." + device.name;
  const bool required = policy.custody.required.contains(device.kind);
  if (!device.identity) {
    if (required)
      checks.cannot_tell(name, "the device signed nothing that says which one it is",
                         "its own signature, or its maker's", "none");
    return;
  }
  const statement::Subject subject = statement::subject_of(*device.identity);
  const auto statements =
      inputs.custody ? inputs.custody(subject) : std::vector<hardware::ProvenStatement>();
  if (!statements) {
    if (required)
      checks.cannot_tell(name, "the ledger could not be asked: " + statements.error().what);
    return;
  }
  hardware::CustodyPolicy rules = policy.custody.rules;
  if (!required) {
    // Who must have a device, and where, is asked of those whose custody is required.
    rules.holder.reset();
    rules.owner.reset();
    rules.allowed_regions.clear();
    rules.require_inspection = false;
  }
  const CustodyVerdict verdict = hardware::judge_custody(subject, *statements, rules);
  if (!concerns(verdict, required)) return;
  for (const hardware::CustodyStep& step : verdict.steps) relied_on.insert(step.index);
  check_life(device, verdict, checks);
  check_place(device, verdict, policy, checks);
}

}  // namespace

std::set<std::uint64_t> check_custody(std::span<const NodeDevice> devices, const Policy& policy,
                                      const AppraisalInputs& inputs, Checks& checks) {
  std::set<std::uint64_t> relied_on;
  for (const NodeDevice& device : devices) check_device(device, policy, inputs, checks, relied_on);
  for (const DeviceKind kind : policy.custody.required) {
    if (std::ranges::find(devices, kind, &NodeDevice::kind) != devices.end()) continue;
    checks.cannot_tell("custody." + std::string(statement::to_string(kind)),
                       "the policy asks for the custody of such a device, and the node shows none",
                       "a device of this kind", "none");
  }
  return relied_on;
}

}  // namespace attest::appraisal
