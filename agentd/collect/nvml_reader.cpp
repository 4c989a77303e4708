// What is asked of NVML, one fact after the other.
#include "agentd/collect/nvml_reader.h"

#include <algorithm>
#include <array>
#include <memory>

#include "agentd/collect/driver_library.h"
#include "agentd/collect/nvml_abi.h"
#include "libattest/base/text.h"

namespace attest::agentd {
namespace {

using Facts = std::map<std::string, std::string>;
using Text = std::array<char, nvml::text_size>;

void ask_texts(const DriverLibrary& library, nvml::Device device, Facts& facts) {
  constexpr std::array<std::pair<const char*, const char*>, 6> questions = {{
      {"uuid", "nvmlDeviceGetUUID"},
      {"serial", "nvmlDeviceGetSerial"},
      {"name", "nvmlDeviceGetName"},
      {"vbios", "nvmlDeviceGetVbiosVersion"},
      {"inforom", "nvmlDeviceGetInforomImageVersion"},
      {"board.part_number", "nvmlDeviceGetBoardPartNumber"},
  }};
  for (const auto& [name, symbol] : questions) {
    Text text{};
    const auto ask = library.find<nvml::DeviceText>(symbol);
    if (ask && ask(device, text.data(), text.size()) == nvml::success)
      put(facts, name, text.data(), text.size());
  }
  Text gsp{};
  const auto ask_gsp = library.find<nvml::GspVersion>("nvmlDeviceGetGspFirmwareVersion");
  if (ask_gsp && ask_gsp(device, gsp.data()) == nvml::success)
    put(facts, "gsp", gsp.data(), gsp.size());
}

void ask_place(const DriverLibrary& library, nvml::Device device, Facts& facts) {
  nvml::PciInfo pci{};
  const auto ask_pci = library.find<nvml::GetPciInfo>("nvmlDeviceGetPciInfo_v3");
  if (ask_pci && ask_pci(device, &pci) == nvml::success) {
    put(facts, "pci", pci.bus_id, sizeof pci.bus_id);
    Bytes ids;
    append_u32_be(ids, pci.device_id);
    facts["pci.device"] = to_hex(ids);
    ids.clear();
    append_u32_be(ids, pci.subsystem_id);
    facts["pci.subsystem"] = to_hex(ids);
  }
  nvml::Pdi pdi{nvml::pdi_version, 0};
  const auto ask_pdi = library.find<nvml::GetPdi>("nvmlDeviceGetPdi");
  if (ask_pdi && ask_pdi(device, &pdi) == nvml::success) {
    Bytes value;
    append_u64_be(value, pdi.value);
    facts["pdi"] = to_hex(value);
  }
  const auto ask_link = library.find<nvml::LinkState>("nvmlDeviceGetNvLinkState");
  unsigned active = 0;
  bool any = false;
  for (unsigned link = 0; ask_link && link < nvml::max_links; ++link) {
    unsigned state = 0;
    if (ask_link(device, link, &state) != nvml::success) continue;
    any = true;
    active += state == 1 ? 1U : 0U;
  }
  if (any) facts["nvlink.active"] = std::to_string(active);
}

void ask_state(const DriverLibrary& library, Facts& facts) {
  nvml::ConfidentialState state{};
  const auto ask = library.find<nvml::SystemState>("nvmlSystemGetConfComputeState");
  if (ask && ask(&state) == nvml::success) {
    facts["cc.mode"] = state.feature == 1 ? "on" : "off";
    facts["cc.devtools"] = state.devtools == 0 ? "off" : "on";
    facts["cc.environment"] = std::to_string(state.environment);
  }
  Text driver{};
  const auto ask_driver = library.find<nvml::DriverVersion>("nvmlSystemGetDriverVersion");
  if (ask_driver && ask_driver(driver.data(), driver.size()) == nvml::success)
    put(facts, "driver", driver.data(), driver.size());
}

// A length the driver gives is only believed within the buffer it belongs to.
template <std::size_t n>
std::optional<Bytes> taken(const unsigned char (&buffer)[n], unsigned size) {
  if (size == 0 || size > n) return std::nullopt;
  return to_bytes(std::as_bytes(std::span(buffer).first(size)));
}

void ask_report(const DriverLibrary& library, nvml::Device device, const Sha256& nonce,
                evidence::GpuItem& item) {
  const auto ask = library.find<nvml::GetReport>("nvmlDeviceGetConfComputeGpuAttestationReport");
  const auto ask_chain =
      library.find<nvml::GetCertificates>("nvmlDeviceGetConfComputeGpuCertificate");
  if (!ask || !ask_chain) {
    item.host["report.error"] = "this driver has no call for it";
    return;
  }
  const auto report = std::make_unique<nvml::AttestationReport>();
  const auto chain = std::make_unique<nvml::Certificates>();
  std::ranges::transform(nonce, report->nonce,
                         [](std::byte b) { return std::to_integer<unsigned char>(b); });
  if (const nvml::Return code = ask(device, report.get()); code != nvml::success) {
    item.host["report.error"] = "NVML error " + std::to_string(code);
    return;
  }
  if (const nvml::Return code = ask_chain(device, chain.get()); code != nvml::success) {
    item.host["report.error"] = "no certificates, NVML error " + std::to_string(code);
    return;
  }
  item.report = taken(report->report, report->size);
  item.chain = taken(chain->attestation_chain, chain->attestation_chain_size);
  if (!item.report || !item.chain) item.host["report.error"] = "lengths out of bounds";
}

}  // namespace

std::vector<evidence::GpuItem> read_nvml(const std::string& name, const NonceFor& nonce) {
  std::vector<evidence::GpuItem> items;
  const DriverLibrary library(name);
  if (!library.is_open()) return items;
  const auto start = library.find<nvml::Init>("nvmlInit_v2");
  const auto count_devices = library.find<nvml::Count>("nvmlDeviceGetCount_v2");
  const auto open_device = library.find<nvml::HandleByIndex>("nvmlDeviceGetHandleByIndex_v2");
  if (!start || !count_devices || !open_device || start() != nvml::success) return items;
  unsigned count = 0;
  if (count_devices(&count) != nvml::success) count = 0;
  for (unsigned i = 0; i < std::min(count, nvml::max_devices); ++i) {
    evidence::GpuItem item{.vendor = "nvidia", .report = {}, .chain = {}, .ocsp = {}, .host = {}};
    nvml::Device device = nullptr;
    if (open_device(i, &device) != nvml::success) {
      item.host["error"] = "the driver counts this device and does not open it";
    } else {
      ask_state(library, item.host);
      ask_texts(library, device, item.host);
      ask_place(library, device, item.host);
      ask_report(library, device, nonce(i), item);
    }
    items.push_back(std::move(item));
  }
  if (const auto stop = library.find<nvml::Init>("nvmlShutdown")) stop();
  return items;
}

}  // namespace attest::agentd
