// links: attest::evidence
#include <cstdint>

#include "libattest/evidence/gpu_item.h"

// A GPU item that parses is written back as the very bytes it was read from.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const auto item = attest::evidence::parse_gpu(bytes);
  if (item && !attest::equal(attest::evidence::encode_gpu(*item), bytes)) __builtin_trap();
  return 0;
}
