// links: attest::tpm attest::crypto
// seeds: tpm/ima
#include <cstdint>

#include "libattest/tpm/ima_verification.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::tpm;
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const auto log = parse_ima_log(bytes);
  if (!log) return 0;
  (void)ima_replay(*log, PcrBank::sha256);
  (void)inspect_ima_entries(log->entries(), {});
  for (const ImaEntry& entry : log->entries()) (void)parse_ima_signature(entry.signature);
  return 0;
}
