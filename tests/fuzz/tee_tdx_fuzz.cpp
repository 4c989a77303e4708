// links: attest::tee
// seeds: gpu/tdx
#include <cstdint>

#include "libattest/tee/tdx_quote.h"

// A TDX quote of any bytes either parses whole or is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::tee::parse_tdx_quote(bytes);
  (void)attest::tee::parse_tdx_quote(bytes, attest::tee::TrailingBytes::count);
  return 0;
}
