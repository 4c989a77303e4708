#include "libattest/gpu/evidence_file.h"

#include "libattest/base/json.h"

namespace attest::gpu {

namespace {

constexpr std::size_t max_devices = 64;

std::unexpected<Error> wrong(std::string what, std::string expected) {
  return fail(refused(rules::evidence_file_form, std::move(what)).expected(std::move(expected)));
}

Result<Bytes> base64_at(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string())
    return wrong("a device lacks \"" + std::string(name) + "\"", "base64 text");
  auto bytes = from_base64(object[name].get_ref<const std::string&>());
  if (!bytes) return fail(std::move(bytes).error().within(name));
  return bytes;
}

Result<EvidenceEntry> read_plain(const Json& entry, std::string label) {
  EvidenceEntry device;
  device.label = std::move(label);
  TRY(const Bytes report, base64_at(entry, "evidence"));
  TRY(device.report, parse_report(report));
  TRY(const Bytes pem, base64_at(entry, "certificate"));
  TRY(device.chain, Certificate::all_from_pem(as_text(pem)));
  if (!entry.contains("nonce") || !entry["nonce"].is_string())
    return wrong("a device lacks \"nonce\"", "hexadecimal text");
  TRY_WITHIN("nonce", device.claimed_nonce, from_hex(entry["nonce"].get_ref<const std::string&>()));
  return device;
}

Result<std::vector<Certificate>> read_pem_list(const Json& list) {
  if (!list.is_array() || list.empty() || list.size() > 16)
    return wrong("a device has no certificate chain", "1 to 16 objects with \"pem\"");
  std::vector<Certificate> chain;
  for (const Json& item : list) {
    TRY(const Bytes pem, base64_at(item, "pem"));
    TRY(Certificate certificate, Certificate::from_pem(as_text(pem)));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

// Where the older tools' two classes keep a device's report and chain.
struct DumpForm {
  const char* report;
  const char* chain;
  const char* inner_chain;  // null: the list stands in `chain` itself
};
constexpr DumpForm gpu_form{"AttestationReport", "CertificateChains",
                            "GpuAttestationCertificateChain"};
constexpr DumpForm switch_form{"attestation_report", "attestation_cert_chain", nullptr};

Result<EvidenceEntry> read_dumped(const Json& entry, std::string label, const DumpForm& form) {
  EvidenceEntry device;
  device.label = std::move(label);
  const bool has_parts =
      entry.is_object() && entry.contains(form.report) && entry.contains(form.chain);
  if (!has_parts)
    return wrong("a device lacks its report or chain",
                 std::string(form.report) + " and " + form.chain);
  TRY(const Bytes report, base64_at(entry[form.report], "py/b64"));
  TRY(device.report, parse_report(report));
  const Json* chain = &entry[form.chain];
  if (form.inner_chain != nullptr) {
    if (!chain->is_object() || !chain->contains(form.inner_chain))
      return wrong("a device has no certificate chain", form.inner_chain);
    chain = &(*chain)[form.inner_chain];
  }
  TRY(device.chain, read_pem_list(*chain));
  return device;
}

Status read_dump_list(const Json& dump, const char* name, const DumpForm& form,
                      const std::string& kind, std::vector<EvidenceEntry>& devices) {
  if (!dump.contains(name)) return {};
  const Json& list = dump[name];
  if (!list.is_array() || list.size() > max_devices)
    return wrong("\"" + std::string(name) + "\" is no list of devices", "an array of up to 64");
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::string label = kind + "/" + std::to_string(i);
    TRY_WITHIN(label, EvidenceEntry device, read_dumped(list[i], label, form));
    devices.push_back(std::move(device));
  }
  return {};
}

Result<std::vector<EvidenceEntry>> read_list(const Json& list) {
  if (list.size() > max_devices) return wrong("too many devices", "at most 64");
  std::vector<EvidenceEntry> devices;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = "device " + std::to_string(i);
    TRY_WITHIN(place, EvidenceEntry device, read_plain(list[i], place));
    device.label =
        std::string(to_string(device.report.kind())) + "/" + std::to_string(devices.size());
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace

Result<std::vector<EvidenceEntry>> parse_evidence_file(std::string_view json) {
  TRY(const Json content, parse_json(json));
  std::vector<EvidenceEntry> devices;
  if (content.is_array()) {
    TRY(devices, read_list(content));
  } else if (content.is_object()) {
    TRY_VOID(read_dump_list(content, "gpus", gpu_form, "gpu", devices));
    TRY_VOID(read_dump_list(content, "nvswitches", switch_form, "nvswitch", devices));
  }
  if (devices.empty())
    return wrong("this is no evidence of devices",
                 "an array of {arch, nonce, evidence, certificate}, or {gpus, nvswitches}");
  return devices;
}

}  // namespace attest::gpu
