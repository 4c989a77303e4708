// links: attest::model
#include <span>

#include "libattest/base/bytes.h"
#include "libattest/model/hf_config.h"
#include "libattest/model/hf_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  constexpr std::uint64_t rows = 4096;
  const std::string_view text = attest::as_text(std::as_bytes(std::span(data, size)));
  (void)attest::model::parse_hf_config(text);
  const auto read = attest::model::parse_hf_tokenizer({text, text, text, text}, rows);
  if (read && (read->tokens.size() != rows || read->types.size() != rows)) __builtin_trap();
  return 0;
}
