// links: attest::transparency
// seeds: ledger/tlog-proof
#include <cstdlib>

#include "libattest/transparency/tlog_proof.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (const auto proof = transparency::parse_tlog_proof(input))
    if (transparency::format_tlog_proof(*proof) != as_text(input)) std::abort();
  (void)transparency::parse_witness_policy(as_text(input));
  return 0;
}
