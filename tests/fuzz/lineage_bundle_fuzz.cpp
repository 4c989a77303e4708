// links: attest::lineage
#include <cstdlib>

#include "libattest/lineage/bundle.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (const auto bundle = lineage::decode_bundle(input))
    if (!equal(lineage::encode_bundle(*bundle), input)) std::abort();
  return 0;
}
