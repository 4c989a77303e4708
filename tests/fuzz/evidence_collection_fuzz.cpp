// links: attest::evidence
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/evidence/evidence.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView input = std::as_bytes(std::span(data, size));
  // What is read must be written back to the same bytes.
  if (const auto evidence = attest::evidence::parse_evidence(input))
    if (*attest::evidence::encode_evidence(evidence->items()) != evidence->bytes())
      __builtin_trap();
  return 0;
}
