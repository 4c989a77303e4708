// links: attest::model
// seeds: model/gguf inference/bad-gguf
#include <cstddef>
#include <cstdint>
#include <span>

#include "libattest/model/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto gguf = attest::model::parse_gguf(bytes))
    for (const auto& tensor : gguf->tensors())
      if (tensor.size > bytes.size() || tensor.offset > bytes.size() - tensor.size)
        __builtin_trap();
  return 0;
}
