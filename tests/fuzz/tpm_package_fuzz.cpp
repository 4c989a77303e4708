// links: attest::tpm attest::crypto
#include <algorithm>
#include <cstdint>

#include "libattest/tpm/package_digests.h"

// An archive of any bytes, in pieces of any size, is read or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const std::size_t piece = size == 0 ? 1 : data[0] + std::size_t{1};
  attest::tpm::PackageDigests digests;
  while (!bytes.empty()) {
    const attest::ByteView part = bytes.first(std::min(piece, bytes.size()));
    if (!digests.feed(part)) return 0;
    bytes = bytes.subspan(part.size());
  }
  (void)std::move(digests).finish();
  return 0;
}
