// links: attest::inference
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/answer/receipt_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::inference::parse_receipt(bytes);
  (void)attest::inference::decode_receipt_file(bytes);
  (void)attest::inference::decode_disclosure({reinterpret_cast<const char*>(data), size});
  return 0;
}
