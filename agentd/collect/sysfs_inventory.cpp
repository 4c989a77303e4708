#include "agentd/collect/sysfs_inventory.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "libattest/base/descriptor.h"
#include "libattest/base/text.h"

namespace attest::agentd {
namespace {

constexpr std::size_t max_pci_functions = 512;
constexpr std::string_view amd = "0x1002";
constexpr std::string_view intel = "0x8086";

std::optional<std::string> line_of(const Path& path) {
  const auto text = read_text_file(path, 1U << 12);
  if (!text) return std::nullopt;
  std::string_view line = split(*text, '\n').front();
  while (line.ends_with(' ')) line.remove_suffix(1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  if (line.empty()) return std::nullopt;
  return printable(line);
}

std::vector<std::string> names_in(const Path& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return {};
  return system_files().list(directory).value_or(std::vector<std::string>());
}

void put(std::map<std::string, std::string>& facts, const std::string& name, const Path& file) {
  if (const auto line = line_of(file)) facts[name] = *line;
}

void put(evidence::HostFacts& facts, const std::string& name, const Path& file) {
  if (const auto line = line_of(file)) facts[name] = *line;
}

// "card0" is an adapter; "card0-HDMI-A-1" is one of its outputs.
bool is_card(std::string_view name) {
  return name.starts_with("card") && name.size() > 4 &&
         name.find_first_not_of("0123456789", 4) == std::string_view::npos;
}

// The PCI address is where the link of the device leads.
std::string address_of(const Path& device) {
  std::error_code error;
  const Path real = std::filesystem::canonical(device, error);
  return error ? std::string() : real.filename().string();
}

evidence::GpuItem read_card(const Path& device, std::string vendor) {
  evidence::GpuItem item{
      .vendor = std::move(vendor), .report = {}, .chain = {}, .ocsp = {}, .host = {}};
  item.host["pci"] = address_of(device);
  for (const char* name : {"device", "subsystem_vendor", "subsystem_device", "revision"})
    put(item.host, "pci." + std::string(name), device / name);
  // AMD's driver; Intel's gives what it has under the same names or not at all.
  for (const char* name : {"unique_id", "vbios_version", "serial_number", "product_name",
                           "product_number", "fru_id", "manufacturer"})
    put(item.host, name, device / name);
  for (const std::string& name : names_in(device / "fw_version"))
    put(item.host, "fw." + name.substr(0, name.find("_fw_version")), device / "fw_version" / name);
  item.host["report.error"] = "this vendor's driver has no signed report";
  return item;
}

void add_pci(const Path& sysfs, evidence::HostFacts& facts) {
  const Path devices = sysfs / "bus/pci/devices";
  std::size_t count = 0;
  for (const std::string& name : names_in(devices)) {
    if (++count > max_pci_functions) break;
    std::vector<std::string> ids;
    for (const char* file :
         {"vendor", "device", "subsystem_vendor", "subsystem_device", "class", "revision"})
      ids.push_back(line_of(devices / name / file).value_or(""));
    facts["pci." + name] = std::move(ids);
  }
}

// The driver's own words about its firmware (ethtool(8), -i); only for the machine itself.
std::optional<std::string> interface_firmware(const std::string& name) {
  if (name.size() >= IFNAMSIZ) return std::nullopt;
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  std::ranges::copy(name, request.ifr_name);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (!socket.valid() || ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
  const std::string_view version(info.fw_version,
                                 ::strnlen(info.fw_version, sizeof info.fw_version));
  if (version.empty()) return std::nullopt;
  return printable(version);
}

void add_network(const Path& sysfs, evidence::HostFacts& facts) {
  for (const std::string& name : names_in(sysfs / "class/infiniband")) {
    put(facts, "infiniband." + name + ".firmware", sysfs / "class/infiniband" / name / "fw_ver");
    put(facts, "infiniband." + name + ".guid", sysfs / "class/infiniband" / name / "node_guid");
  }
  for (const std::string& name : names_in(sysfs / "class/net")) {
    // Interfaces without a device behind them are the kernel's own.
    std::error_code error;
    const Path interface = sysfs / "class/net" / name;
    if (!std::filesystem::exists(interface / "device", error)) continue;
    put(facts, "net." + name + ".address", interface / "address");
    if (sysfs == "/sys")
      if (const auto firmware = interface_firmware(name))
        facts["net." + name + ".firmware"] = *firmware;
  }
}

void add_drives(const Path& sysfs, evidence::HostFacts& facts) {
  for (const std::string& name : names_in(sysfs / "class/nvme"))
    for (const char* file : {"model", "serial", "firmware_rev"})
      put(facts, "nvme." + name + "." + file, sysfs / "class/nvme" / name / file);
}

}  // namespace

std::vector<evidence::GpuItem> sysfs_gpus(const Path& sysfs) {
  std::vector<evidence::GpuItem> items;
  for (const std::string& name : names_in(sysfs / "class/drm")) {
    if (!is_card(name)) continue;
    const Path device = sysfs / "class/drm" / name / "device";
    const auto vendor = line_of(device / "vendor");
    if (vendor == amd) items.push_back(read_card(device, "amd"));
    if (vendor == intel) items.push_back(read_card(device, "intel"));
  }
  std::ranges::sort(items, {}, [](const evidence::GpuItem& item) { return item.host.at("pci"); });
  return items;
}

void add_devices(const Path& sysfs, evidence::HostFacts& facts) {
  // The serial numbers need CAP_DAC_READ_SEARCH; what cannot be read is left out.
  for (const char* name :
       {"sys_vendor", "product_name", "product_serial", "product_uuid", "board_vendor",
        "board_name", "board_serial", "bios_vendor", "bios_version", "bios_date"})
    put(facts, "dmi." + std::string(name), sysfs / "class/dmi/id" / name);
  put(facts, "cpu.microcode", sysfs / "devices/system/cpu/cpu0/microcode/version");
  add_pci(sysfs, facts);
  add_drives(sysfs, facts);
  add_network(sysfs, facts);
}

}  // namespace attest::agentd
