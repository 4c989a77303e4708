// links: attest::tpm attest::crypto
// seeds: tpm/quotes
#include <cstdint>
#include <cstdlib>

#include "libattest/tpm/key.h"

// A public area that parses is written back as it came.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const auto area = attest::tpm::parse_sized_public(bytes);
  if (area && !attest::equal(attest::tpm::sized_public(*area), bytes)) std::abort();
  (void)attest::tpm::parse_any_public(bytes);
  return 0;
}
