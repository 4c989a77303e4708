// links: attest::reference
// seeds: tpm/corim gpu/corim
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/reference/corim_profiles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView input = std::as_bytes(std::span(data, size));
  if (const auto corim = attest::reference::parse_corim(input)) {
    static_cast<void>(attest::reference::check_profile(*corim));
    static_cast<void>(attest::reference::encode_corim(*corim));
  }
  static_cast<void>(attest::reference::parse_comid(input));
  static_cast<void>(attest::reference::parse_signed_corim(input));
  return 0;
}
