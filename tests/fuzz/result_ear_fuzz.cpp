// links: attest::result
// seeds: tpm/ear
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/result/ear_claims.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView input = std::as_bytes(std::span(data, size));
  static_cast<void>(attest::result::parse_ear_json(attest::as_text(input)));
  static_cast<void>(attest::result::parse_ear_cbor(input));
  return 0;
}
