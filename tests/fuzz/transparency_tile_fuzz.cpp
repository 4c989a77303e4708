// links: attest::transparency
// seeds: ledger/generated/small-log/tile ledger/tiles
#include <cstdlib>

#include "libattest/transparency/tile.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (const auto tile = transparency::parse_tile_path(as_text(input)))
    if (transparency::tile_path(*tile) != as_text(input)) std::abort();
  (void)transparency::parse_bundle(input, 3);
  (void)transparency::parse_tile(input, 2);
  return 0;
}
