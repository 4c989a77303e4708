// links: attest::gpu
// seeds: gpu/nvidia/hopper-550.90.07 gpu/nvidia/switch-ls10
#include <cstdint>

#include "libattest/gpu/report.h"

// A report of any bytes, or text of one, either parses whole or is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::gpu::parse_report(bytes);
  if (const auto decoded = attest::gpu::report_bytes(bytes))
    (void)attest::gpu::parse_report(*decoded);
  return 0;
}
