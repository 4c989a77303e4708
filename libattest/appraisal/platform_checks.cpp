#include "libattest/appraisal/platform_checks.h"

#include "libattest/base/text.h"
#include "libattest/hardware/platform_verification.h"

namespace attest::appraisal {

namespace {

using hardware::UntrustedPlatformCertificate;
constexpr const char* certificate_check = "platform.certificate";
constexpr const char* components_check = "components.listed";
constexpr std::size_t named_in_full = 4;  // differences in one check's words

Result<std::vector<UntrustedPlatformCertificate>> read_certificates(
    const evidence::PlatformItem& item) {
  std::vector<UntrustedPlatformCertificate> certificates;
  for (const Bytes& each : item.certificates) {
    TRY(UntrustedPlatformCertificate parsed, hardware::parse_platform_certificate(each));
    certificates.push_back(std::move(parsed));
  }
  return certificates;
}

Result<hardware::VerifiedPlatform> verify(const VerifiedEvidence& evidence,
                                          const AppraisalInputs& inputs) {
  TRY(const auto certificates, read_certificates(*evidence.platform()));
  if (!evidence.node().ek_certificate)
    return fail(incomplete(rules::platform_no_ek,
                           "the TPM's EK certificate is not known here, so nothing ties a platform "
                           "certificate to this machine")
                    .expected("a node enrolled with its EK certificate")
                    .next("enrol the node again"));
  return hardware::verify_platform(
      certificates.front(), {certificates.begin() + 1, certificates.end()},
      {.at = inputs.now,
       .authorities = inputs.platform_authorities,
       .crls = inputs.collateral ? inputs.collateral->crls : std::vector<Bytes>(),
       .ek = evidence.node().ek_certificate});
}

void add(const char* name, const Error& error, Checks& checks) {
  const std::string why = error.what + (error.where.empty() ? "" : " (" + error.where + ")");
  if (error.kind == ErrorKind::refused)
    checks.refuse(name, why, error.expected_value, error.found_value);
  else
    checks.cannot_tell(name, why, error.expected_value, error.found_value);
}

std::string several(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < named_in_full; ++i)
    text += (i == 0 ? "" : "; ") + printable(lines[i], 200);
  if (lines.size() > named_in_full)
    text += " and " + std::to_string(lines.size() - named_in_full) + " more";
  return lines.empty() ? "none" : text;
}

void judge_components(const hardware::VerifiedPlatform& platform,
                      const hardware::Inventory& inventory, Checks& checks) {
  const auto names = hardware::name_differences(platform.name(), inventory.platform);
  if (!names.empty())
    return checks.refuse(components_check, "the machine's " + names.front().what + " differs",
                         printable(names.front().certified, 80),
                         printable(names.front().found, 80));
  const hardware::Comparison comparison =
      hardware::compare(platform.components(), inventory.components);
  if (comparison.equal())
    return checks.pass(components_check, "the host found the " +
                                             std::to_string(comparison.matched.size()) +
                                             " parts that are certified, and no other");
  std::vector<std::string> missing;
  std::vector<std::string> unlisted;
  for (const auto& each : comparison.missing) missing.push_back(each.listed.to_string());
  for (const auto& each : comparison.unlisted) unlisted.push_back(each.to_string());
  checks.refuse(components_check,
                std::to_string(missing.size()) + " certified parts are missing, " +
                    std::to_string(unlisted.size()) + " were found that are not certified",
                "missing: " + several(missing), "unlisted: " + several(unlisted));
}

void check_components(const VerifiedEvidence& evidence, const hardware::VerifiedPlatform& platform,
                      const Policy& policy, Checks& checks) {
  if (policy.machine.components == Need::any) return;
  if (!evidence.platform()->inventory)
    return checks.cannot_tell(components_check, "the node does not say what it is made of",
                              "an inventory", "none");
  const auto inventory = hardware::parse_inventory(*evidence.platform()->inventory);
  if (!inventory) return add(components_check, inventory.error(), checks);
  judge_components(platform, *inventory, checks);
}

}  // namespace

std::optional<NodeDevice> check_platform(const VerifiedEvidence& evidence, const Policy& policy,
                                         const AppraisalInputs& inputs, Checks& checks) {
  const bool certificate_needed = policy.machine.certificate == Need::required;
  const bool components_needed = policy.machine.components == Need::required;
  if (!evidence.platform() || evidence.platform()->certificates.empty()) {
    if (certificate_needed)
      checks.cannot_tell(certificate_check, "the node sent no platform certificate",
                         "a platform certificate", "none");
    if (components_needed)
      checks.cannot_tell(components_check, "without a platform certificate no part is certified",
                         "a platform certificate", "none");
    return std::nullopt;
  }
  NodeDevice device{"platform", statement::DeviceKind::platform, {}};
  const auto platform = verify(evidence, inputs);
  if (!platform) {
    // What nobody asks for may be beyond checking; it may not be wrong.
    if (certificate_needed || platform.error().kind == ErrorKind::refused)
      add(certificate_check, platform.error(), checks);
    if (components_needed)
      checks.cannot_tell(components_check,
                         "the platform certificate that lists them does not hold");
    return device;
  }
  checks.pass(certificate_check, "certified by " + printable(platform->issuers().front(), 120) +
                                     " for this TPM, " + std::to_string(platform->deltas()) +
                                     " deltas");
  check_components(evidence, *platform, policy, checks);
  device.identity = {statement::DeviceKind::platform, platform->base().name.serial,
                     platform->issuer_key()};
  return device;
}

}  // namespace attest::appraisal
