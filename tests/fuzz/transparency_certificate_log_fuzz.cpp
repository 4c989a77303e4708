// links: attest::transparency
// seeds: ledger/static-ct/navigli2025h2/tile/data
#include "libattest/transparency/certificate_log.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  for (const unsigned width : {1U, 3U, 256U})
    if (const auto entries = transparency::parse_data_tile(input, width))
      for (const auto& entry : *entries) (void)transparency::certificate_leaf_hash(entry);
  return 0;
}
