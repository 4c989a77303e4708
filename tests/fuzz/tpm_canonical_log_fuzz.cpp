// links: attest::tpm attest::crypto
// seeds: tpm/eventlogs
#include <cstdint>

#include "libattest/tpm/boot_facts.h"
#include "libattest/tpm/event_log_findings.h"

// Any form of log, told by its first bytes: whatever parses can be replayed, described and read for
// facts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::tpm;
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const auto log = parse_any_event_log(bytes, {.allow_padding = true});
  if (!log) return 0;
  (void)replay(*log);
  (void)event_log_findings(*log);
  const BootFacts facts = boot_facts(log->events(), strongest_bank(*log), log->registers());
  (void)changes_between(facts, facts);
  for (const Event& event : log->events()) (void)describe(event);
  return 0;
}
