// links: attest::gpu
// seeds: gpu/nvidia/multi-gpu
#include <cstdint>

#include "libattest/gpu/device_chain.h"
#include "libattest/gpu/evidence_file.h"

// An evidence file of any bytes is read or refused, and so is what its certificates say.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto devices =
      attest::gpu::parse_evidence_file(attest::as_text(std::as_bytes(std::span(data, size))));
  if (!devices) return 0;
  for (const attest::gpu::EvidenceEntry& device : *devices)
    if (!device.chain.empty()) (void)attest::gpu::firmware_id(device.chain.front());
  return 0;
}
