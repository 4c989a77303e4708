// links: attest::inferd
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/completion_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)attest::inference::parse_completion_request(std::as_bytes(std::span(data, size)), {});
  return 0;
}
