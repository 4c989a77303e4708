#include "libattest/appraisal/submods.h"

#include <algorithm>

namespace attest::appraisal {

namespace {

using result::Submod;
using result::TrustClaim;
using result::TrustLevel;
namespace value = result::value;

std::int8_t claim_for(Verdict outcome, std::int8_t refused_value) {
  switch (outcome) {
    case Verdict::pass:
      return value::affirmed;
    case Verdict::refused:
      return refused_value;
    case Verdict::incomplete:
      break;
  }
  return value::no_claim;
}

Submod make_submod(const Policy& policy, TrustLevel level, result::TrustVector vector) {
  Submod submod;
  submod.vector = vector;
  submod.status = vector.tier();
  submod.policy_id = policy.id();
  submod.trust_level = level;
  return submod;
}

Submod node_submod(const VerifiedEvidence& evidence, const Policy& policy, const Checks& checks) {
  // AR4SI section 2.3.2: a known instance; and hardware that is genuine. A software TPM that the
  // policy allows is a warning, whatever else holds.
  constexpr std::int8_t unsafe_hardware = 32;
  result::TrustVector vector;
  vector.set(TrustClaim::instance_identity,
             claim_for(checks.outcome("node."), value::not_recognised));
  std::int8_t hardware = claim_for(checks.outcome("node.manifest"), value::not_recognised);
  if (evidence.node().software_tpm)
    hardware =
        policy.allow_software_tpm ? std::max(hardware, unsafe_hardware) : value::not_recognised;
  vector.set(TrustClaim::hardware, hardware);
  return make_submod(policy, TrustLevel::hardware_signed, vector);
}

Submod boot_submod(const Policy& policy, const Checks& checks) {
  result::TrustVector vector;
  Verdict executables = checks.outcome("boot.pcr");
  for (const char* name : {"boot.quoted", "boot.eventlog", "boot.runtime"}) {
    const Verdict outcome = checks.outcome(name);
    if (outcome == Verdict::refused) executables = Verdict::refused;
  }
  vector.set(TrustClaim::executables, claim_for(executables, value::contraindicated));
  if (checks.any("ima."))
    vector.set(TrustClaim::file_system, claim_for(checks.outcome("ima."), value::contraindicated));
  vector.set(TrustClaim::configuration,
             claim_for(checks.outcome("boot.secure_boot"), value::contraindicated));
  return make_submod(policy, TrustLevel::tpm_measured, vector);
}

// A submodule a device, under "nvswitch/" where it signed that it is one; what a GPU that signs
// nothing is worth, only the host says. Whose the device is, manifest and custody say.
void add_gpu_submods(const VerifiedEvidence& evidence, const Policy& policy, const Checks& checks,
                     std::span<const NodeDevice> devices, std::map<std::string, Submod>& submods) {
  for (const GpuEvidence& gpu : evidence.gpus()) {
    const std::string number = gpu.label.substr(gpu.label.find('/') + 1);
    const auto device = std::ranges::find(devices, "gpu." + number, &NodeDevice::name);
    const bool is_switch =
        device != devices.end() && device->kind == statement::DeviceKind::nvswitch;
    const std::string name = (is_switch ? "nvswitch/" : "gpu/") + number;
    if (!gpu.item.report) {
      submods[name] = make_submod(policy, TrustLevel::host_reported, {});
      continue;
    }
    const std::string prefix = "gpu." + number + ".";
    result::TrustVector vector;
    vector.set(TrustClaim::hardware, claim_for(checks.outcome(prefix), value::contraindicated));
    Verdict known = Verdict::pass;
    for (const std::string& check : {prefix + "manifest", "custody.gpu." + number}) {
      if (!checks.any(check)) continue;
      const Verdict outcome = checks.outcome(check);
      if (outcome == Verdict::refused || known == Verdict::pass) known = outcome;
    }
    if (checks.any(prefix + "manifest") || checks.any("custody.gpu." + number))
      vector.set(TrustClaim::instance_identity, claim_for(known, value::not_recognised));
    submods[name] = make_submod(policy, TrustLevel::hardware_signed, vector);
  }
}

// What the machine's maker certified for this TPM; what the host says it found; whose the ledger
// says the devices are, and where their holders say that they are. The last three are people's
// words, however well signed: none is more than host-reported.
void add_hardware_submods(const Policy& policy, const Checks& checks,
                          std::map<std::string, Submod>& submods) {
  const auto add = [&](const std::string& name, TrustLevel level, TrustClaim claim,
                       std::int8_t refused_value) {
    if (!checks.any(name + ".")) return;
    result::TrustVector vector;
    vector.set(claim, claim_for(checks.outcome(name + "."), refused_value));
    submods[name] = make_submod(policy, level, vector);
  };
  add("platform", TrustLevel::hardware_signed, TrustClaim::hardware, value::not_recognised);
  add("components", TrustLevel::host_reported, TrustClaim::hardware, value::contraindicated);
  add("custody", TrustLevel::host_reported, TrustClaim::instance_identity, value::not_recognised);
  add("place", TrustLevel::host_reported, TrustClaim::configuration, value::contraindicated);
}

Submod tee_submod(const Policy& policy, const Checks& checks) {
  result::TrustVector vector;
  vector.set(TrustClaim::hardware, claim_for(checks.outcome("tee.report"), value::contraindicated));
  if (checks.any("tee.measurement"))
    vector.set(TrustClaim::executables,
               claim_for(checks.outcome("tee.measurement"), value::contraindicated));
  return make_submod(policy, TrustLevel::hardware_signed, vector);
}

}  // namespace

std::map<std::string, Submod> make_submods(const VerifiedEvidence& evidence, const Policy& policy,
                                           const Checks& checks,
                                           std::span<const NodeDevice> devices) {
  std::map<std::string, Submod> submods;
  submods["node"] = node_submod(evidence, policy, checks);
  submods["boot"] = boot_submod(policy, checks);
  if (evidence.models()) submods["models"] = make_submod(policy, TrustLevel::host_reported, {});
  if (evidence.tee()) submods["tee"] = tee_submod(policy, checks);
  if (evidence.host()) submods["host"] = make_submod(policy, TrustLevel::host_reported, {});
  add_gpu_submods(evidence, policy, checks, devices, submods);
  add_hardware_submods(policy, checks, submods);
  return submods;
}

}  // namespace attest::appraisal
