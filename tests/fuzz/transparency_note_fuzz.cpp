// links: attest::transparency
// seeds: ledger/generated/small-log/checkpoints ledger/tiles ledger/tlog-proof
#include <cstdlib>

#include "libattest/transparency/note.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  // What is read must be written again byte for byte.
  if (const auto note = transparency::parse_note(input))
    if (transparency::format_note(*note) != as_text(input)) std::abort();
  (void)transparency::VerifierKey::parse(as_text(input));
  return 0;
}
