#include "libattest/appraisal/gpu_checks.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/gpu/device_verdict.h"
#include "libattest/gpu/golden_reference.h"
#include "libattest/gpu/topology.h"

namespace attest::appraisal {

namespace {

struct JudgedGpu {
  std::string prefix;  // "gpu.0."
  std::string label;   // "gpu/0"
  const evidence::GpuItem* item;
  std::optional<gpu::VerifiedReport> report;
};

std::string prefix_of(const std::string& label) {
  return "gpu." + label.substr(label.find('/') + 1) + ".";
}

// "gpu.report.signature" of device 0 becomes "gpu.0.report.signature".
void adopt(const std::string& prefix, const result::Check& check, Checks& checks) {
  result::Check own = check;
  const std::size_t room = own.name.find('.');
  own.name = prefix + (own.name.starts_with("gpu.") ? own.name.substr(room + 1) : own.name);
  checks.add(std::move(own));
}

std::vector<gpu::CollectedRim> collect(const AppraisalInputs& inputs) {
  std::vector<gpu::CollectedRim> rims;
  for (const ProvenRim& known : inputs.gpu.rims) {
    gpu::CollectedRim rim{
        "ledger entry " + std::to_string(known.index()), known.rim().content, {}, {}};
    if (auto verified = gpu::verify_rim(known.rim(), inputs.gpu.rim_roots, known.entered()))
      rim.verified = *std::move(verified);
    else
      rim.problem = std::move(verified).error();
    rims.push_back(std::move(rim));
  }
  for (const ProvenDeviceValues& each : inputs.device_values) {
    if (!gpu::is_golden_reference(each.values())) continue;
    const std::string index = std::to_string(each.index());
    auto content = gpu::golden_values(each.values());
    if (content)
      rims.push_back({"ledger entry " + index,
                      *std::move(content),
                      {},
                      {},
                      printable(each.issuer(), 80) + ", statement " + index});
  }
  return rims;
}

Result<gpu::DeviceEvidence> read_item(const evidence::GpuItem& item, const Sha256& nonce) {
  TRY(gpu::UntrustedReport report, gpu::parse_report(*item.report));
  TRY(std::vector<Certificate> chain, Certificate::from_der_or_pem(*item.chain));
  return gpu::DeviceEvidence{std::move(report), std::move(chain), to_bytes(ByteView(nonce))};
}

Result<std::optional<gpu::Stapled>> read_ocsp(const evidence::GpuItem& item, const Policy& policy,
                                              Time now) {
  if (policy.gpu.revocation == Need::any && item.ocsp.empty()) return std::optional<gpu::Stapled>();
  gpu::Stapled stapled{{}, now};
  for (const Bytes& response : item.ocsp) {
    TRY(gpu::OcspResponse parsed, gpu::OcspResponse::parse(response));
    stapled.responses.push_back(std::move(parsed));
  }
  return std::optional(std::move(stapled));
}

void judge(JudgedGpu& judged, const VerifiedEvidence& evidence, const Policy& policy,
           const AppraisalInputs& inputs, std::span<const gpu::CollectedRim> rims, Checks& checks) {
  if (inputs.gpu.device_roots.certificates.empty() && inputs.gpu.device_roots.fingerprints.empty())
    return checks.cannot_tell(judged.prefix + "roots", "the trust root names no roots of GPUs",
                              "[hardware] roots of GPUs", "none");
  const Sha256 nonce = evidence::gpu_nonce(evidence.challenge().digest(), judged.label);
  auto device = read_item(*judged.item, nonce);
  if (!device) return adopt(judged.prefix, gpu::check_of(device.error()), checks);
  auto ocsp = read_ocsp(*judged.item, policy, inputs.now);
  if (!ocsp) return adopt(judged.prefix, gpu::check_of(ocsp.error()), checks);
  gpu::DeviceVerdict verdict =
      gpu::judge_device(*device, inputs.gpu.device_roots, inputs.now,
                        {rims, *std::move(ocsp),
                         inputs.collateral ? std::span<const Bytes>(inputs.collateral->crls)
                                           : std::span<const Bytes>()});
  for (const result::Check& check : verdict.checks) adopt(judged.prefix, check, checks);
  judged.report = std::move(verdict.report);
}

void check_devtools(const JudgedGpu& judged, const Policy& policy, Checks& checks) {
  const auto mode = judged.item->host.find("cc.devtools");
  if (mode == judged.item->host.end() || mode->second == "off" || policy.gpu.allow_devtools) return;
  checks.refuse(judged.prefix + "devtools",
                "the host reports that the GPU is in devtools mode, which protects nothing", "off",
                printable(mode->second, 40));
}

// Of the signed modes one is of a single GPU, which firmware also gives outside confidential mode:
// it says nothing. Without the device's word the host's remains, and is called so.
void check_mode(const JudgedGpu& judged, const Policy& policy, Checks& checks) {
  if (policy.gpu.confidential == Mode::any) return;
  const std::string name = judged.prefix + "confidential";
  if (judged.report) {
    const gpu::OpaqueData& opaque = judged.report->opaque();
    const bool by_flag =
        opaque.feature_flag && *opaque.feature_flag != gpu::FeatureFlag::single_gpu;
    if (by_flag || opaque.protected_pcie.value_or(false))
      return checks.pass(name, "the GPU signs that it is in a protected mode");
  }
  const auto mode = judged.item->host.find("cc.mode");
  const std::string found =
      mode == judged.item->host.end() ? "unknown" : printable(mode->second, 40);
  if (policy.gpu.confidential == Mode::signed_by_device)
    return checks.cannot_tell(name,
                              "the GPU's report does not say that it is in a confidential mode",
                              "a mode signed by the device", "by the host's word: " + found);
  if (found == "on")
    return checks.pass(name,
                       "in confidential mode by the host's word, which the GPU does not sign");
  if (found == "unknown")
    return checks.cannot_tell(name, "nobody says whether the GPU is in confidential mode", "on",
                              found);
  checks.refuse(name, "the GPU is not in confidential mode, by the host's word", "on", found);
}

// Versions are numbers between dots; a VBIOS's are hexadecimal.
std::vector<unsigned long> numbers_of(const std::string& version, int base) {
  std::vector<unsigned long> numbers;
  for (const std::string_view part : split(version, '.')) {
    char* end = nullptr;
    numbers.push_back(std::strtoul(std::string(part).c_str(), &end, base));
  }
  return numbers;
}

void check_minimum(const std::string& name, const std::optional<std::string>& least,
                   const std::optional<std::string>& found, int base, Checks& checks) {
  if (!least || !found) return;
  if (numbers_of(*found, base) >= numbers_of(*least, base)) return;
  checks.refuse(name, "the device runs something older than the policy allows",
                *least + " or later", printable(*found, 60));
}

void check_versions(const JudgedGpu& judged, const Policy& policy, Checks& checks) {
  if (!judged.report) return;
  const gpu::OpaqueData& opaque = judged.report->opaque();
  check_minimum(judged.prefix + "vbios", policy.gpu.minimum_vbios, opaque.vbios_version, 16,
                checks);
  check_minimum(judged.prefix + "driver", policy.gpu.minimum_driver, opaque.driver_version, 10,
                checks);
}

// Of the manifest's components, the GPUs that name a serial number. It is the device certificate's,
// which firmware updates leave alone.
std::set<std::string> listed_gpus(const statement::DeviceManifest& manifest) {
  std::set<std::string> serials;
  for (const auto& component : manifest.components)
    if (component.component_class == "gpu" && !component.serial.empty()) {
      std::string serial = component.serial;
      std::ranges::transform(serial, serial.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      serials.insert(std::move(serial));
    }
  return serials;
}

void check_manifest(const std::vector<JudgedGpu>& gpus, const VerifiedEvidence& evidence,
                    const AppraisalInputs& inputs, Checks& checks) {
  const hardware::ManifestFinding finding = inputs.manifests.find(evidence.node().ek);
  if (finding.missing() || finding.disputed()) return;
  const std::set<std::string> listed = listed_gpus(finding.manifests.front()->manifest);
  if (listed.empty()) return;
  std::set<std::string> present;
  for (const JudgedGpu& judged : gpus) {
    if (!judged.report) continue;
    const std::string& serial = judged.report->device().device_serial;
    present.insert(serial);
    if (listed.contains(serial)) {
      checks.pass(judged.prefix + "manifest", "the GPU is one of the node's manifest");
      continue;
    }
    const hardware::KnownManifest* owner = inputs.manifests.with_component("gpu", serial);
    checks.refuse(judged.prefix + "manifest",
                  owner == nullptr ? "the GPU is not in the node's manifest"
                                   : "the GPU belongs to another machine by the ledger",
                  "a GPU of manifest " + std::to_string(finding.manifests.front()->index),
                  owner == nullptr
                      ? "serial " + serial
                      : "serial " + serial + " of manifest " + std::to_string(owner->index));
  }
  for (const std::string& serial : listed)
    if (!present.contains(serial))
      checks.refuse("gpu.manifest", "a GPU of the node's manifest does not answer",
                    "serial " + printable(serial, 60), "no report by it");
}

void check_together(const std::vector<JudgedGpu>& gpus, Checks& checks) {
  std::vector<gpu::NamedReport> reports;
  bool any_switch = false;
  for (const JudgedGpu& judged : gpus) {
    if (!judged.report) continue;
    reports.push_back({judged.label, &*judged.report});
    any_switch = any_switch || judged.report->device().kind == gpu::DeviceKind::nvswitch;
  }
  if (reports.size() > 1)
    for (const result::Check& check : gpu::check_distinct(reports)) checks.add(check);
  if (any_switch)
    for (const result::Check& check : gpu::check_topology(reports)) checks.add(check);
}

// What survives a firmware update: serial number and key of the device's own certificate.
NodeDevice device_of(const JudgedGpu& judged) {
  NodeDevice device{
      judged.prefix.substr(0, judged.prefix.size() - 1), statement::DeviceKind::gpu, {}};
  if (!judged.report) return device;
  const gpu::DeviceIdentity& identity = judged.report->device();
  if (identity.kind == gpu::DeviceKind::nvswitch) device.kind = statement::DeviceKind::nvswitch;
  if (const auto serial = from_hex(identity.device_serial))
    device.identity = {device.kind, *serial, identity.device_key};
  return device;
}

}  // namespace

GpuFindings check_gpus(const VerifiedEvidence& evidence, const Policy& policy,
                       const AppraisalInputs& inputs, Checks& checks) {
  std::vector<JudgedGpu> gpus;
  const std::vector<gpu::CollectedRim> rims = collect(inputs);
  for (const GpuEvidence& each : evidence.gpus()) {
    JudgedGpu judged{prefix_of(each.label), each.label, &each.item, {}};
    if (each.item.report && each.item.chain) {
      judge(judged, evidence, policy, inputs, rims, checks);
    } else if (policy.gpu.reports == Need::required) {
      const auto reason = each.item.host.find("report.error");
      checks.cannot_tell(judged.prefix + "report", "the GPU signs nothing", "a signed report",
                         reason == each.item.host.end() ? "none" : printable(reason->second, 120));
    }
    check_devtools(judged, policy, checks);
    check_mode(judged, policy, checks);
    check_versions(judged, policy, checks);
    gpus.push_back(std::move(judged));
  }
  if (gpus.empty() && policy.gpu.reports == Need::required)
    checks.cannot_tell("gpu.report", "the node reports no GPU", "a signed report", "none");
  check_manifest(gpus, evidence, inputs, checks);
  check_together(gpus, checks);

  GpuFindings findings;
  for (const JudgedGpu& judged : gpus) {
    findings.devices.push_back(device_of(judged));
    if (!judged.report) continue;
    for (const gpu::NeededRim& need : gpu::needed_rims(*judged.report))
      for (const ProvenRim& known : inputs.gpu.rims)
        if (gpu::answers(known.rim().content, need)) findings.relied_on.insert(known.index());
    for (const ProvenDeviceValues& known : inputs.device_values)
      for (const gpu::NeededRim& need : gpu::needed_rims(*judged.report))
        if (known.values().name == need.id) findings.relied_on.insert(known.index());
  }
  return findings;
}

}  // namespace attest::appraisal
