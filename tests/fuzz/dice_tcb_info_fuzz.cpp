// links: attest::dice
// seeds: gpu/dice
#include <cstdint>

#include "libattest/dice/tcb_info.h"

// DICE extensions of any bytes, alone and in a certificate, either parse whole or are refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::dice::parse_tcb_info(bytes);
  (void)attest::dice::parse_multi_tcb_info(bytes);
  if (const auto certificate = attest::Certificate::from_der(bytes)) {
    (void)attest::dice::tcb_infos_of(*certificate);
    (void)attest::dice::ueid_of(*certificate);
  }
  return 0;
}
