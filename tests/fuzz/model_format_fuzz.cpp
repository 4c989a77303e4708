// links: attest::model
#include "libattest/model/format.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::model::code_by_format(attest::model::tell_format("", bytes));
  (void)attest::model::code_in_template(attest::as_text(bytes));
  (void)attest::model::code_in_configuration(attest::as_text(bytes));
  return 0;
}
