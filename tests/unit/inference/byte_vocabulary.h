// A byte-level vocabulary made for tests: all 256 bytes, and what a test adds.
#pragma once

#include "inference/text/tokenizer.h"
#include "inference/text/unicode.h"
#include "libattest/model/gguf_writer.h"

namespace attest::test {

// byte_texts gives the token texts of all bytes, in the order of the bytes.
inline std::vector<std::string> byte_texts() {
  std::vector<std::string> texts;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool own = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    inference::append_utf8(texts.emplace_back(), own ? byte : next++);
  }
  return texts;
}

inline Result<inference::Tokenizer> byte_tokenizer(const std::vector<std::string>& merges,
                                                   const std::vector<std::string>& more,
                                                   std::string_view pre = "gpt-2") {
  auto texts = byte_texts();
  texts.insert(texts.end(), more.begin(), more.end());
  model::GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", pre);
  writer.add_strings("tokenizer.ggml.tokens", texts);
  writer.add_strings("tokenizer.ggml.merges", merges);
  TRY(const Bytes file, writer.finish());
  TRY(const model::Gguf gguf, model::parse_gguf(file));
  return inference::Tokenizer::read(gguf);
}

}  // namespace attest::test
