// links: attest::crypto
// seeds: tpm/ek gpu/nvidia/roots tpm/quotes/generated
#include "libattest/crypto/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::Certificate::from_der_or_pem(bytes);
  if (const auto certificate = attest::Certificate::from_der(bytes, true)) {
    (void)certificate->public_key();
    (void)certificate->extended_key_usage();
    (void)certificate->subject();
    attest::ChainRules rules;
    rules.at = certificate->not_before();
    (void)attest::verify_chain(*certificate, {}, {*certificate}, rules);
  }
  return 0;
}
