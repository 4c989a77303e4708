#include "agentd/collect/vendor_readers.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "agentd/collect/amd_smi_abi.h"
#include "agentd/collect/driver_library.h"
#include "agentd/collect/level_zero_abi.h"

namespace attest::agentd {
namespace {

struct Address {
  std::uint64_t domain, bus, device, function;
};

// As the kernel writes it: "0000:01:00.0".
std::string text_of(const Address& address) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04llx:%02llx:%02llx.%llx",
                static_cast<unsigned long long>(address.domain),
                static_cast<unsigned long long>(address.bus),
                static_cast<unsigned long long>(address.device),
                static_cast<unsigned long long>(address.function));
  return text.data();
}

evidence::GpuItem item_of(std::string vendor) {
  return {.vendor = std::move(vendor), .report = {}, .chain = {}, .ocsp = {}, .host = {}};
}

// filled asks twice, for the number of handles and for the handles, and believes no number beyond
// `most`.
template <typename Ask>
std::vector<void*> filled(Ask ask, std::uint32_t most) {
  std::uint32_t count = 0;
  if (ask(&count, nullptr) != 0 || count == 0) return {};
  std::vector<void*> handles(std::min(count, most));
  count = static_cast<std::uint32_t>(handles.size());
  if (ask(&count, handles.data()) != 0) return {};
  handles.resize(std::min<std::size_t>(count, handles.size()));
  return handles;
}

void ask_amd(const DriverLibrary& library, void* processor, std::vector<evidence::GpuItem>& items) {
  const auto ask_address = library.find<amd_smi::GetAddress>("amdsmi_get_gpu_device_bdf");
  const auto ask_uuid = library.find<amd_smi::GetUuid>("amdsmi_get_gpu_device_uuid");
  std::uint64_t bits = 0;
  if (!ask_address || ask_address(processor, &bits) != amd_smi::success) return;
  evidence::GpuItem item = item_of("amd");
  item.host["pci"] = text_of({bits >> 16U, (bits >> 8U) & 0xff, (bits >> 3U) & 0x1f, bits & 7});
  std::array<char, std::size_t{2} * amd_smi::uuid_size> uuid{};
  unsigned size = amd_smi::uuid_size;
  if (ask_uuid && ask_uuid(processor, &size, uuid.data()) == amd_smi::success)
    put(item.host, "smi.uuid", uuid.data(), uuid.size());
  items.push_back(std::move(item));
}

void ask_firmware(const DriverLibrary& library, void* device, evidence::GpuItem& item) {
  namespace ze = level_zero;
  const auto list = library.find<ze::GetFirmwares>("zesDeviceEnumFirmwares");
  const auto ask = library.find<ze::GetFirmware>("zesFirmwareGetProperties");
  if (!list || !ask) return;
  const auto firmwares = filled(
      [&](std::uint32_t* count, void** to) { return list(device, count, to); }, ze::max_firmwares);
  for (void* firmware : firmwares) {
    ze::FirmwareProperties properties{};
    properties.kind = ze::Kind::firmware;
    if (ask(firmware, &properties) != ze::success) continue;
    const std::string name(properties.name, ::strnlen(properties.name, sizeof properties.name));
    put(item.host, "ze.fw." + printable(name), properties.version, sizeof properties.version);
  }
}

void ask_intel(const DriverLibrary& library, void* device, std::vector<evidence::GpuItem>& items) {
  namespace ze = level_zero;
  const auto ask_pci = library.find<ze::GetPci>("zesDevicePciGetProperties");
  const auto ask = library.find<ze::GetProperties>("zesDeviceGetProperties");
  ze::PciProperties pci{};
  pci.kind = ze::Kind::pci;
  if (!ask_pci || ask_pci(device, &pci) != ze::success) return;
  evidence::GpuItem item = item_of("intel");
  item.host["pci"] = text_of({pci.domain, pci.bus, pci.device, pci.function});
  ze::DeviceProperties properties{};
  properties.kind = ze::Kind::device;
  properties.core.kind = ze::Kind::core_device;
  if (ask && ask(device, &properties) == ze::success) {
    put(item.host, "ze.serial", properties.serial, sizeof properties.serial);
    put(item.host, "ze.board", properties.board, sizeof properties.board);
    put(item.host, "ze.model", properties.model, sizeof properties.model);
    put(item.host, "ze.driver", properties.driver, sizeof properties.driver);
  }
  ask_firmware(library, device, item);
  items.push_back(std::move(item));
}

}  // namespace

std::vector<evidence::GpuItem> read_amd_smi(const std::string& name) {
  std::vector<evidence::GpuItem> items;
  const DriverLibrary library(name);
  if (!library.is_open()) return items;
  const auto start = library.find<amd_smi::Init>("amdsmi_init");
  const auto list_sockets = library.find<amd_smi::GetSockets>("amdsmi_get_socket_handles");
  const auto list = library.find<amd_smi::GetProcessors>("amdsmi_get_processor_handles");
  if (!start || !list_sockets || !list || start(amd_smi::init_gpus) != amd_smi::success)
    return items;
  for (void* socket : filled(list_sockets, amd_smi::max_sockets)) {
    const auto processors =
        filled([&](std::uint32_t* count, void** to) { return list(socket, count, to); },
               amd_smi::max_processors);
    for (void* processor : processors) ask_amd(library, processor, items);
  }
  if (const auto stop = library.find<amd_smi::ShutDown>("amdsmi_shut_down")) stop();
  return items;
}

std::vector<evidence::GpuItem> read_level_zero(const std::string& name) {
  namespace ze = level_zero;
  std::vector<evidence::GpuItem> items;
  const DriverLibrary library(name);
  if (!library.is_open()) return items;
  const auto start = library.find<ze::Init>("zesInit");
  const auto list_drivers = library.find<ze::GetDrivers>("zesDriverGet");
  const auto list = library.find<ze::GetDevices>("zesDeviceGet");
  if (!start || !list_drivers || !list || start(0) != ze::success) return items;
  for (void* driver : filled(list_drivers, ze::max_drivers)) {
    const auto devices = filled(
        [&](std::uint32_t* count, void** to) { return list(driver, count, to); }, ze::max_devices);
    for (void* device : devices) ask_intel(library, device, items);
  }
  return items;
}

void merge_by_address(std::vector<evidence::GpuItem> more, std::vector<evidence::GpuItem>& items) {
  for (evidence::GpuItem& item : more) {
    const auto same = std::ranges::find_if(items, [&](const evidence::GpuItem& each) {
      const auto address = each.host.find("pci");
      return address != each.host.end() && address->second == item.host.at("pci");
    });
    if (same == items.end()) {
      item.host["report.error"] = "this vendor's driver has no signed report";
      items.push_back(std::move(item));
    } else {
      same->host.merge(item.host);
    }
  }
}

}  // namespace attest::agentd
