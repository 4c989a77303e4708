// links: attest::tpm attest::crypto
// seeds: tpm/secureboot
#include <cstdint>

#include "libattest/tpm/efi_signature_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const attest::ByteView bytes = std::as_bytes(std::span(data, size));
  (void)attest::tpm::parse_signature_lists(bytes);
  if (const auto update = attest::tpm::parse_authenticated_variable(bytes))
    (void)attest::tpm::parse_signature_lists(update->content);
  return 0;
}
