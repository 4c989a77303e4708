// A library that speaks the parts of NSCQ's, AMD SMI's and Level Zero's interfaces that agentd
// calls. What it answers is in the folder that STUB_DRIVERS names, made by the test: "switch0",
// "switch1" with "report" and "chain"; "amd" and "intel" where there is such a driver, with one GPU
// each. A file "hang" makes every driver wait for ever; "lie" makes them claim more than there is.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

#include "agentd/collect/amd_smi_abi.h"
#include "agentd/collect/level_zero_abi.h"
#include "agentd/collect/nscq_abi.h"

namespace nscq = attest::agentd::nscq;
namespace smi = attest::agentd::amd_smi;
namespace ze = attest::agentd::level_zero;

namespace {

std::string folder() {
  const char* named = std::getenv("STUB_DRIVERS");
  return named == nullptr ? "" : named;
}
bool has(const std::string& name) {
  return ::access((folder() + "/" + name).c_str(), F_OK) == 0;
}
std::string content(const std::string& name) {
  std::ifstream file(folder() + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
template <std::size_t n>
void give(const char* text, char (&to)[n]) {
  std::snprintf(to, n, "%s", text);
}

int session = 0;
std::string nonce;

std::uint32_t one(std::uint32_t* count, void** handles) {
  if (handles == nullptr || *count == 0) {
    *count = has("lie") ? 0xffffffff : 1;
    return 0;
  }
  handles[0] = &session;
  *count = has("lie") ? *count + 7 : 1;
  for (std::uint32_t i = 1; has("lie") && i + 7 < *count; ++i) handles[i] = &session;
  return 0;
}

}  // namespace

extern "C" {

nscq::SessionResult nscq_session_create(std::uint32_t flags);
void nscq_session_destroy(nscq::Session);
nscq::Return nscq_uuid_to_label(const nscq::Uuid*, nscq::Label*, std::uint32_t);
nscq::Return nscq_session_set_input(nscq::Session, std::uint32_t, void*, std::uint32_t);
nscq::Return nscq_session_path_observe(nscq::Session, const char*, nscq::AnyCallback, void*,
                                       std::uint32_t);
smi::Return amdsmi_init(std::uint64_t);
smi::Return amdsmi_get_socket_handles(std::uint32_t*, smi::Handle*);
smi::Return amdsmi_get_processor_handles(smi::Handle, std::uint32_t*, smi::Handle*);
smi::Return amdsmi_get_gpu_device_bdf(smi::Handle, std::uint64_t*);
smi::Return amdsmi_get_gpu_device_uuid(smi::Handle, unsigned*, char*);
ze::Return zesInit(std::uint32_t);
ze::Return zesDriverGet(std::uint32_t*, ze::Driver*);
ze::Return zesDeviceGet(ze::Driver, std::uint32_t*, ze::Device*);
ze::Return zesDeviceGetProperties(ze::Device, ze::DeviceProperties*);
ze::Return zesDevicePciGetProperties(ze::Device, ze::PciProperties*);
ze::Return zesDeviceEnumFirmwares(ze::Device, std::uint32_t*, ze::Firmware*);
ze::Return zesFirmwareGetProperties(ze::Firmware, ze::FirmwareProperties*);

nscq::SessionResult nscq_session_create(std::uint32_t flags) {
  while (has("hang")) ::pause();
  if (flags != nscq::mount_devices || !has("switch0")) return {-7, nullptr};
  return {nscq::success, &session};
}

void nscq_session_destroy(nscq::Session) {}

nscq::Return nscq_uuid_to_label(const nscq::Uuid* uuid, nscq::Label* label, std::uint32_t) {
  give(("switch" + std::to_string(uuid->bytes[0])).c_str(), label->data);
  return nscq::success;
}

nscq::Return nscq_session_set_input(nscq::Session, std::uint32_t, void* input, std::uint32_t size) {
  nonce.assign(static_cast<const char*>(input), size);
  return size == nscq::nonce_size ? 0 : -5;
}

// Says which nonce it was asked with, for the test to look at: the file "nonce" of the switch.
nscq::Return nscq_session_path_observe(nscq::Session, const char* path, nscq::AnyCallback callback,
                                       void* to, std::uint32_t) {
  const std::string name = path;
  if (name == nscq::all_switches) {
    for (std::uint8_t i = 0; has("switch" + std::to_string(i)); ++i) {
      const nscq::Uuid uuid{{i}};
      reinterpret_cast<nscq::UuidCallback>(callback)(&uuid, nscq::success, &uuid, to);
    }
    return nscq::success;
  }
  const std::string label = name.substr(1, name.find('/', 1) - 1);
  if (name.ends_with(nscq::mode_path)) {
    reinterpret_cast<nscq::ModeCallback>(callback)(nullptr, nscq::success, 3, to);
  } else if (name.ends_with(nscq::report_path)) {
    std::ofstream(folder() + "/" + label + "/nonce", std::ios::binary) << nonce;
    const std::string bytes = content(label + "/report");
    if (bytes.empty()) return -7;
    nscq::AttestationReport report{static_cast<std::uint32_t>(bytes.size()), {}};
    std::memcpy(report.report, bytes.data(), bytes.size());
    if (has("lie")) report.size = sizeof report.report + 1;
    reinterpret_cast<nscq::ReportCallback>(callback)(nullptr, nscq::success, report, to);
  } else if (name.ends_with(nscq::certificate_path)) {
    const std::string bytes = content(label + "/chain");
    nscq::Certificates chain{{}, static_cast<std::uint32_t>(bytes.size())};
    std::memcpy(chain.chain, bytes.data(), bytes.size());
    reinterpret_cast<nscq::CertificateCallback>(callback)(nullptr, nscq::success, chain, to);
  }
  return nscq::success;
}

smi::Return amdsmi_init(std::uint64_t flags) {
  while (has("hang")) ::pause();
  return flags == smi::init_gpus && has("amd") ? 0 : 1;
}
smi::Return amdsmi_get_socket_handles(std::uint32_t* count, smi::Handle* sockets) {
  return one(count, sockets);
}
smi::Return amdsmi_get_processor_handles(smi::Handle, std::uint32_t* count, smi::Handle* handles) {
  return one(count, handles);
}
smi::Return amdsmi_get_gpu_device_bdf(smi::Handle, std::uint64_t* bits) {
  *bits = (0x01ULL << 8U) | (0x02U << 3U) | 1U;  // 0000:01:02.1
  return 0;
}
smi::Return amdsmi_get_gpu_device_uuid(smi::Handle, unsigned* size, char* text) {
  std::snprintf(text, *size, "8cff74a1-0000-1000-804d-92e0aed1ac31");
  return 0;
}

ze::Return zesInit(std::uint32_t) {
  while (has("hang")) ::pause();
  return has("intel") ? 0 : 1;
}
ze::Return zesDriverGet(std::uint32_t* count, ze::Driver* drivers) {
  return one(count, drivers);
}
ze::Return zesDeviceGet(ze::Driver, std::uint32_t* count, ze::Device* devices) {
  return one(count, devices);
}
ze::Return zesDeviceGetProperties(ze::Device, ze::DeviceProperties* properties) {
  if (properties->kind != ze::Kind::device || properties->core.kind != ze::Kind::core_device)
    return 1;
  give("S1\x1b[2J", properties->serial);
  give("B1", properties->board);
  give("Max 1550", properties->model);
  give("1.3.29735", properties->driver);
  return 0;
}
ze::Return zesDevicePciGetProperties(ze::Device, ze::PciProperties* pci) {
  if (pci->kind != ze::Kind::pci) return 1;
  pci->bus = 3;
  return 0;
}
ze::Return zesDeviceEnumFirmwares(ze::Device, std::uint32_t* count, ze::Firmware* firmwares) {
  return one(count, firmwares);
}
ze::Return zesFirmwareGetProperties(ze::Firmware, ze::FirmwareProperties* firmware) {
  if (firmware->kind != ze::Kind::firmware) return 1;
  give("GSC", firmware->name);
  give("DG02_1.3", firmware->version);
  return 0;
}

}  // extern "C"
