// links: attest::tpm attest::crypto
// seeds: tpm/ima
#include <cstdint>

#include "libattest/tpm/ima_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)attest::tpm::ImaAllowList::parse({reinterpret_cast<const char*>(data), size});
  return 0;
}
