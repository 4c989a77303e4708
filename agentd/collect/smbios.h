// The parts of this machine as its firmware lists them.
#pragma once

#include <optional>
#include <string>

#include "libattest/base/file.h"

namespace attest::agentd {

// smbios_inventory reads the kernel's copy of the SMBIOS table and gives it as JSON
// (libattest/hardware/smbios.h); nothing where it cannot be read, which takes root or
// CAP_DAC_READ_SEARCH, or has not its form.
std::optional<std::string> smbios_inventory(const Path& table = "/sys/firmware/dmi/tables/DMI");

}  // namespace attest::agentd
