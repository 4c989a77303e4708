// A node with two GPUs that passes, its manifest and RIM files in a ledger: each test changes one
// thing and appraises again.
#pragma once

#include <algorithm>

#include "libattest/appraisal/appraise.h"
#include "tests/support/test_gpu.h"
#include "tests/support/test_ledger_trust.h"
#include "tests/support/test_node.h"

namespace attest::test {

using namespace attest::appraisal;
using result::TrustClaim;
using result::TrustLevel;
using result::Verdict;

inline const Vendor& vendor() {
  static const Vendor made = Vendor::make();
  return made;
}

inline gpu::Pdi pdi(unsigned number) {
  return {std::byte{0x43}, static_cast<std::byte>(number)};
}

inline std::string serial_of(unsigned number) {
  return "41" + to_hex(pdi(number));
}

struct Scene {
  TestNode node;
  Policy policy;
  TestLedgerTrust ledger;
  hardware::DeviceManifests manifests;
  std::vector<ProvenRim> rims;
  std::optional<Time> entered = from_unix(gpu_time);
  std::vector<TestDevice> devices = {vendor().device({.pdi = pdi(1)}),
                                     vendor().device({.pdi = pdi(2)})};
  WholeGpu whole = whole_gpu();
  std::map<std::string, std::string> host = {{"cc.devtools", "off"}};
  std::vector<std::size_t> nonce_label = {0, 1};
  std::vector<Certificate> platform_authorities;
  std::optional<evidence::PlatformItem> platform;
  std::set<std::size_t> silent;  // GPUs that sign nothing
  CustodyOf custody;
  std::span<const ProvenDeviceValues> device_values;

  Scene() {
    policy.platform = "board";
    policy.required_pcrs = firmware_pcrs;
    policy.quote_max_age = Seconds{600};
    policy.result_lifetime = Seconds{900};
    policy.gpu.reports = Need::required;
  }

  void add_manifest(const std::vector<std::string>& serials, std::string_view ek = "ek") {
    statement::DeviceManifest manifest;
    manifest.ek = sha256(as_bytes(ek));
    for (const std::string& serial : serials)
      manifest.components.push_back({"gpu", "Example", "GH100", serial});
    const auto index = ledger.add(statement::Kind::device_manifest, "ek:" + to_hex(manifest.ek),
                                  statement::encode(manifest));
    must(manifests.add(ledger.proven(index)));
  }

  void add_rim(const RimSpec& spec, const std::string& id) {
    const auto rim = must(gpu::parse_rim(as_bytes(vendor().rim(spec))));
    const auto index = ledger.add(statement::Kind::reference_values, "platform:" + id,
                                  gpu::encode_rim_reference(rim, id));
    rims.push_back(must(prove_rim(ledger.proven(index), entered)));
  }
  void add_rims() {
    add_rim(whole.driver, "NV_GPU_DRIVER_GH100_550.90.07");
    add_rim(whole.vbios, "NV_GPU_VBIOS_1010_0200_882_96009F0001");
  }
  void ready() {
    add_manifest({serial_of(1), serial_of(2)});
    add_rims();
  }

  Appraisal appraise_now() {
    node.more.clear();
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const Sha256 nonce =
          evidence::gpu_nonce(sha256(node.challenge), evidence::label::gpu(nonce_label.at(i)));
      ReportSpec spec = whole.report;
      spec.nonce = to_bytes(ByteView(nonce));
      std::string pem;
      for (const Certificate& certificate : devices[i].chain()) pem += certificate.to_pem();
      evidence::GpuItem item{
          .vendor = "nvidia", .report = {}, .chain = {}, .ocsp = {}, .host = host};
      if (!silent.contains(i)) {
        item.report = devices[i].report(spec);
        item.chain = to_bytes(pem);
      }
      node.more.push_back({evidence::label::gpu(i), std::string(evidence::gpu_media_type),
                           evidence::encode_gpu(item)});
    }
    if (platform)
      node.more.push_back(
          evidence::make_item(evidence::label::platform, evidence::encode_platform(*platform)));
    return appraise(
        node.verified(), policy,
        {.reference_values = {},
         .manifests = manifests,
         .policies = {},
         .previous = {},
         .now = appraisal_time + Seconds{5},
         .verifier = "verifier.example",
         .verifier_id = {},
         .gpu = {{{vendor().root.certificate}, {}}, {{vendor().rim_root.certificate}, {}}, rims},
         .device_values = device_values,
         .platform_authorities = platform_authorities,
         .custody = custody});
  }
};

// gpu_outcome is the worst of the GPUs' checks: the node's others are not the matter here.
inline Verdict gpu_outcome(const Appraisal& appraisal) {
  Verdict worst = Verdict::pass;
  for (const result::Check& check : appraisal.ear.checks) {
    if (!check.name.starts_with("gpu.")) continue;
    if (check.outcome == Verdict::refused) return Verdict::refused;
    if (check.outcome == Verdict::incomplete) worst = Verdict::incomplete;
  }
  return worst;
}

inline Verdict outcome(const Appraisal& appraisal, std::string_view name) {
  for (const result::Check& check : appraisal.ear.checks)
    if (check.name == name) return check.outcome;
  FAIL("no check " + std::string(name));
  return Verdict::incomplete;
}

}  // namespace attest::test
