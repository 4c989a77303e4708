// links: attest::lineage
#include "libattest/base/bytes.h"
#include "libattest/lineage/model_card.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  (void)lineage::parse_model_card(as_text(input));
  return 0;
}
