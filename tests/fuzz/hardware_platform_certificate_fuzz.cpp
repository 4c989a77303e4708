// links: attest::hardware
// seeds: gpu/platform-certs gpu/platform-certs/laptop gpu/platform-certs/intel tpm/ek/platform
#include <cstdint>

#include "libattest/hardware/platform_certificate.h"

// A platform certificate and an inventory of any bytes either parse whole or are refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::hardware::parse_platform_certificate(bytes);
  (void)attest::hardware::parse_inventory(attest::as_text(bytes));
  return 0;
}
