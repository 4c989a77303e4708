// links: attest::crypto
// seeds: tpm/ek/roots tpm/quotes/generated model/oms/keys ledger/static-ct/skylight-tree/issuer
#include "libattest/crypto/public_key.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::PublicKey::from_der_or_pem(bytes);
  return 0;
}
