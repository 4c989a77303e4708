// links: attest::result
// seeds: tpm/ear tpm/evidence
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/result/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView input = std::as_bytes(std::span(data, size));
  static_cast<void>(attest::result::parse_jwt(attest::as_text(input)));
  return 0;
}
