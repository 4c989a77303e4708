// links: attest::statement
// seeds: ledger/scitt model/slsa tpm/corim
#include "libattest/statement/entry_subjects.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::statement::subjects_of(bytes);
  return 0;
}
