// links: attest::transparency
// seeds: ledger/tlog-proof ledger/generated/small-log/checkpoints
#include <cstdlib>

#include "libattest/transparency/witness_protocol.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (const auto request = transparency::parse_add_checkpoint(input))
    if (transparency::format_add_checkpoint(*request) != as_text(input)) std::abort();
  (void)transparency::witness_decision(input,
                                       [](std::string_view) { return transparency::KnownLog{}; });
  return 0;
}
