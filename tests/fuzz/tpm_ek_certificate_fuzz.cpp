// links: attest::tpm attest::crypto
// seeds: tpm/ek/roots tpm/ek/gce tpm/ek/hirs
#include <cstdint>

#include "libattest/tpm/ek.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::tpm;
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  const auto certificates = read_certificates(bytes);
  if (!certificates) return 0;
  for (const attest::Certificate& certificate : *certificates) {
    (void)ek_facts(certificate);
    (void)verify_ek_certificate(certificate, {.at = attest::from_unix(1'800'000'000),
                                              .roots = {certificate},
                                              .intermediates = {},
                                              .crls = {}});
  }
  return 0;
}
