// links: attest::tpm attest::crypto
// seeds: tpm/eventlogs
#include <cstdint>

#include "libattest/tpm/event_log.h"

// Whatever parses can be replayed and described.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const auto log = attest::tpm::parse_event_log(bytes, {.allow_padding = true});
  if (!log) return 0;
  (void)attest::tpm::replay(*log);
  for (const attest::tpm::Event& event : log->events()) (void)attest::tpm::describe(event);
  return 0;
}
