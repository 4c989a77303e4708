// links: attest::trust
// seeds: packaging/examples
#include "libattest/trust/trust_root.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::TrustRoot::parse(attest::as_text(bytes));
  return 0;
}
