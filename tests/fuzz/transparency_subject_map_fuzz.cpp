// links: attest::transparency
#include <algorithm>
#include <cstdlib>

#include "libattest/transparency/subject_map.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  // Whatever keys come, each is provable and no neighbour of it is.
  transparency::SubjectMap map;
  for (std::size_t at = 0; at + 32 <= input.size() && at < 32 * 64; at += 32) {
    Sha256 key;
    std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(at), 32, key.begin());
    map.add(key, at, Sha256{});
    if (!transparency::verify_present(map.root(), *map.find(key), map.prove(key))) std::abort();
    key[31] ^= std::byte{1};
    if (!map.find(key) && !transparency::verify_absent(map.root(), key, map.prove(key)))
      std::abort();
  }
  return 0;
}
