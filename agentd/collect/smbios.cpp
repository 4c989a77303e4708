#include "agentd/collect/smbios.h"

#include "libattest/hardware/smbios.h"

namespace attest::agentd {

std::optional<std::string> smbios_inventory(const Path& table) {
  const auto bytes = read_file(table, hardware::smbios_size_limit);
  if (!bytes) return std::nullopt;
  const auto inventory = hardware::parse_smbios(*bytes);
  if (!inventory) return std::nullopt;
  return hardware::inventory_json(*inventory);
}

}  // namespace attest::agentd
