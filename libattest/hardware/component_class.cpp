// Names of component classes: TCG's registry (2.23.133.18.3.1, "TCG Component Class Registry"),
// SMBIOS structures (18.3.3, DSP0134), PCI classes (18.3.4) and storage (18.3.5).
#include <algorithm>
#include <array>
#include <charconv>

#include "libattest/hardware/platform_component.h"

namespace attest::hardware {

namespace {

struct Name {
  std::uint32_t number;
  std::string_view name;
};

template <std::size_t n>
std::string_view find(const std::array<Name, n>& names, std::uint32_t number) {
  const auto* found = std::ranges::find(names, number, &Name::number);
  return found == names.end() ? std::string_view() : found->name;
}

constexpr std::array tcg_categories = {
    Name{0x01, "Processor"}, Name{0x02, "Container"},     Name{0x03, "Board"},
    Name{0x04, "Module"},    Name{0x05, "Controller"},    Name{0x06, "Memory"},
    Name{0x07, "Storage"},   Name{0x08, "Media drive"},   Name{0x09, "Network adapter"},
    Name{0x0a, "Energy"},    Name{0x0b, "Sensor"},        Name{0x0c, "Display"},
    Name{0x0d, "Cooling"},   Name{0x0e, "Input"},         Name{0x0f, "Slot"},
    Name{0x10, "Port"},      Name{0x11, "Discrete part"}, Name{0x12, "Cable"},
    Name{0x13, "Firmware"},  Name{0x00, "Not classified"}};

constexpr std::array tcg_types = {Name{0x00010002, "CPU"},
                                  Name{0x00010006, "GPU"},
                                  Name{0x00020002, "desktop"},
                                  Name{0x00020008, "laptop"},
                                  Name{0x00020009, "notebook"},
                                  Name{0x00020010, "server chassis"},
                                  Name{0x00020016, "rack mount"},
                                  Name{0x0002001b, "blade"},
                                  Name{0x00030002, "daughter board"},
                                  Name{0x00030003, "motherboard"},
                                  Name{0x00030004, "riser card"},
                                  Name{0x00040009, "TPM"},
                                  Name{0x00050002, "video"},
                                  Name{0x00050004, "Ethernet"},
                                  Name{0x00050008, "SATA"},
                                  Name{0x0005000b, "RAID"},
                                  Name{0x0005000e, "USB"},
                                  Name{0x00060003, "baseboard management controller"},
                                  Name{0x00060004, "DRAM"},
                                  Name{0x0006000a, "flash"},
                                  Name{0x00060010, "SDRAM"},
                                  Name{0x00060016, "DDR4"},
                                  Name{0x00070002, "drive"},
                                  Name{0x00070003, "SSD"},
                                  Name{0x00070004, "M.2 drive"},
                                  Name{0x00070005, "hard disk"},
                                  Name{0x00090002, "Ethernet"},
                                  Name{0x00090003, "WiFi"},
                                  Name{0x00090004, "Bluetooth"},
                                  Name{0x0009000a, "switch"},
                                  Name{0x000a0002, "power supply"},
                                  Name{0x000a0003, "battery"},
                                  Name{0x000d0003, "fan"},
                                  Name{0x00130002, "UEFI"},
                                  Name{0x00130003, "system BIOS"},
                                  Name{0x00130005, "bootloader"}};

constexpr std::array smbios_types = {Name{0x00, "BIOS"},         Name{0x01, "System"},
                                     Name{0x02, "Baseboard"},    Name{0x03, "Chassis"},
                                     Name{0x04, "Processor"},    Name{0x11, "Memory"},
                                     Name{0x27, "Power supply"}, Name{0x2b, "TPM"}};

constexpr std::array pci_classes = {
    Name{0x01, "Storage controller"}, Name{0x02, "Network controller"},
    Name{0x03, "Display controller"}, Name{0x04, "Multimedia"},
    Name{0x05, "Memory controller"},  Name{0x06, "Bridge"},
    Name{0x07, "Communication"},      Name{0x08, "System peripheral"},
    Name{0x09, "Input device"},       Name{0x0b, "Processor"},
    Name{0x0c, "Serial bus"},         Name{0x0d, "Wireless controller"},
    Name{0x10, "Encryption"},         Name{0x11, "Signal processing"},
    Name{0x12, "Accelerator"}};

}  // namespace

std::string class_name(const ComponentClass& component_class) {
  std::uint32_t number = 0;
  const std::string& value = component_class.value;
  std::from_chars(value.data(), value.data() + value.size(), number, 16);
  const std::string raw = "class " + component_class.registry +
                          (component_class.registry.empty() ? "" : ":") + component_class.value;
  if (value.size() != 8) return "class not said";
  if (component_class.registry == "2.23.133.18.3.1") {
    const std::string_view category = find(tcg_categories, number >> 16U);
    if (category.empty()) return raw;
    const std::string_view type = find(tcg_types, number);
    return std::string(category) + (type.empty() ? "" : ": " + std::string(type));
  }
  if (component_class.registry == "2.23.133.18.3.3") {
    const std::string_view type = find(smbios_types, number >> 16U);
    return type.empty() ? raw : std::string(type);
  }
  if (component_class.registry == "2.23.133.18.3.4") {
    const std::string_view type = find(pci_classes, number >> 16U & 0xffU);
    return type.empty() ? raw : std::string(type);
  }
  if (component_class.registry == "2.23.133.18.3.5") return "Drive";
  return raw;
}

}  // namespace attest::hardware
