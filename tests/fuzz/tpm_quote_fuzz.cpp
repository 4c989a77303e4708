// links: attest::tpm attest::crypto
// seeds: tpm/quotes
#include <cstdint>

#include "libattest/tpm/quote.h"

// A quote and a signature of any bytes either parse whole or are refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::tpm::parse_quote(bytes);
  (void)attest::tpm::parse_signature(bytes);
  (void)attest::tpm::parse_pcrs(bytes);
  return 0;
}
