// links: attest::transparency
// seeds: ledger/generated/small-log/checkpoints ledger/tiles
#include <cstdlib>

#include "libattest/transparency/checkpoint.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (const auto checkpoint = transparency::parse_checkpoint(as_text(input)))
    if (transparency::format_checkpoint(*checkpoint) != as_text(input)) std::abort();
  return 0;
}
