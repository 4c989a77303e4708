// links: attest::tee
// seeds: gpu/sev-snp
#include <cstdint>

#include "libattest/tee/snp_report.h"

// An SNP report of any bytes either parses whole or is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::tee::parse_snp_report(bytes);
  return 0;
}
