// links: attest::gpu
#include <cstdint>

#include "libattest/gpu/opaque_data.h"

// Opaque data of any bytes either parses whole or is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)attest::gpu::parse_opaque_data(std::as_bytes(std::span(data, size)));
  return 0;
}
