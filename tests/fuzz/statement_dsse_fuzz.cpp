// links: attest::statement
// seeds: model/slsa model/oms/crafted/bundles
#include "libattest/statement/dsse.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::statement::parse_dsse(attest::as_text(bytes));
  return 0;
}
