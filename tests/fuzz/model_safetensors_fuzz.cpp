// links: attest::model
// seeds: model/safetensors/crafted model/safetensors/real
#include "libattest/model/safetensors_index.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto file = attest::model::parse_safetensors(bytes))
    for (const auto& tensor : file->tensors)
      if (tensor.size > bytes.size() || tensor.offset > bytes.size() - tensor.size)
        __builtin_trap();
  (void)attest::model::parse_safetensors_index(attest::as_text(bytes));
  return 0;
}
