// links: attest::base
// seeds: packaging/examples
#include "libattest/base/toml.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto text = attest::as_text(std::as_bytes(std::span(data, size)));
  if (auto table = attest::parse_toml(text, "fuzz.toml")) {
    for (const std::string& key : table->keys()) (void)table->optional_text(key);
    (void)table->finish();
  }
  return 0;
}
