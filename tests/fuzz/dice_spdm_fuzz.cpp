// links: attest::dice
// seeds: gpu/spdm
#include <cstdint>

#include "libattest/dice/spdm.h"

// A transcript and a measurement record of any bytes either parse whole or are refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::dice::parse_measurement_record(bytes);
  (void)attest::dice::parse_measurements(bytes, 96);
  return 0;
}
