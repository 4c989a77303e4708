// links: attest::gpu
// seeds: gpu/nvidia/hopper-550.90.07/ocsp
#include <cstdint>

#include "libattest/gpu/ocsp.h"

// An OCSP response of any bytes, or base64 of one, is read or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)attest::gpu::OcspResponse::parse(std::as_bytes(std::span(data, size)));
  return 0;
}
