// links: attest::ledger
// seeds: ledger/rekor-bundles/rekor2-dsse-happy-path ledger/rekor-bundles/happy-path-v0.3
#include "ledger/sigstore_bundle.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input = as_text(std::as_bytes(std::span(data, size)));
  (void)ledger::parse_sigstore_logs(input);
  if (const auto bundle = ledger::parse_sigstore_bundle(input))
    (void)ledger::verify_sigstore_entry(*bundle, {}, {});
  return 0;
}
