// links: attest::cose
// seeds: ledger/scitt ledger/cose-receipts tpm/corim
#include "libattest/cose/cose_sign1.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::cose::parse_sign1(bytes);
  return 0;
}
