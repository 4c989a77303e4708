// links: attest::gpu
// seeds: gpu/nvidia/rim-bad gpu/nvidia/vbios-rims
#include <cstdint>

#include "libattest/gpu/rim.h"

// A RIM file of any bytes either parses whole or is refused, and so does its signature; without a
// pinned root nothing is ever verified.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto rim = attest::gpu::parse_rim(std::as_bytes(std::span(data, size)));
  if (!rim) return 0;
  (void)attest::gpu::rim_signers(*rim);
  if (attest::gpu::verify_rim(*rim, {}, attest::from_unix(1'700'000'000))) __builtin_trap();
  return 0;
}
