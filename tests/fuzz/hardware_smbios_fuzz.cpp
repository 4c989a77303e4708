// links: attest::hardware
#include <cstdint>
#include <cstdlib>

#include "libattest/hardware/smbios.h"

// A table of any bytes either parses or is refused; what was read comes back from JSON as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::hardware;
  const auto inventory = parse_smbios(std::as_bytes(std::span(data, size)));
  if (!inventory) return 0;
  const auto again = parse_inventory(inventory_json(*inventory));
  if (!again || again->components != inventory->components) std::abort();
  return 0;
}
