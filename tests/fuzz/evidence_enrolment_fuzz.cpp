// links: attest::evidence
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/evidence/enrolment.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView input = std::as_bytes(std::span(data, size));
  static_cast<void>(attest::evidence::parse_enrol_begin(input));
  static_cast<void>(attest::evidence::parse_enrol_challenge(input));
  static_cast<void>(attest::evidence::parse_enrol_complete(input));
  static_cast<void>(attest::evidence::parse_enrol_result(input));
  return 0;
}
