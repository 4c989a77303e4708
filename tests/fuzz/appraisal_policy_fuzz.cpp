// links: attest::appraisal
// seeds: packaging/examples
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/appraisal/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView input = std::as_bytes(std::span(data, size));
  static_cast<void>(attest::appraisal::parse_policy(attest::as_text(input), "policy.toml"));
  return 0;
}
