// SMBIOS (DSP0134, version 3): what a machine's firmware says it is made of, read from the table
// that the kernel shows as /sys/firmware/dmi/tables/DMI. All of it is host-reported.
//
// Pure functions.
#pragma once

#include "libattest/hardware/platform_component.h"

namespace attest::hardware {

inline constexpr std::size_t smbios_size_limit = 1U << 20;  // bytes

// parse_smbios gives the machine's name and its chassis, baseboards, firmware, processors and
// modules of memory, named and classed as collectors of platform inventories do it, so that they
// compare with platform certificates. Structures of other types are passed over; a structure or
// string that reaches past the table's end is refused (rules::smbios_form). Bytes behind the end
// mark are firmware's to leave, and are not read.
Result<Inventory> parse_smbios(ByteView table);

// inventory_json writes what parse_inventory reads.
std::string inventory_json(const Inventory& inventory);

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule smbios_form{"hardware.smbios.form"};
}
