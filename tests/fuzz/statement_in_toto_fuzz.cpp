// links: attest::statement
// seeds: model/oms/payload-goldens model/slsa
#include "libattest/statement/in_toto.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::statement::parse_in_toto(bytes);
  return 0;
}
