// links: attest::tee
// seeds: gpu/tdx gpu/sev-snp
#include <cstdint>

#include "libattest/tee/collateral.h"
#include "libattest/tee/snp_certificate.h"
#include "libattest/tee/tdx_verification.h"

// A file of any bytes is collateral of some kind, or passed over, or refused; so is what the
// certificates in it say in their extensions.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::tee::Collateral collateral;
  (void)collateral.add(std::as_bytes(std::span(data, size)));
  for (const attest::Certificate& certificate : collateral.certificates) {
    (void)attest::tee::read_snp_certificate(certificate);
    (void)attest::tee::read_pck_certificate(certificate);
  }
  return 0;
}
