// links: attest::model
// seeds: model/sigstore/go model/slsa
#include "libattest/model/digest_cache.h"
#include "libattest/model/rekor_entry.h"
#include "libattest/model/sigstore_trust.h"
#include "libattest/model/timestamp.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace attest::model;
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)parse_sigstore_trust(attest::as_text(bytes));
  (void)verify_timestamp(bytes, bytes, {});
  (void)DigestCache::of(attest::as_text(bytes), "boot").text();
  if (const auto bundle = parse_sigstore_bundle(attest::as_text(bytes))) {
    const auto key = attest::PublicKey::from_ed25519(attest::Bytes(32, std::byte{1}));
    if (key)
      for (const LogEntry& entry : bundle->log_entries)
        (void)check_entry_is_about(entry, {.signature = {}, .certificate = {}, .key = *key});
  }
  return 0;
}
