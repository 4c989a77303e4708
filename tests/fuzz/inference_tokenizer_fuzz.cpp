// links: attest::inference
// seeds: inference/bad-gguf
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/tokenizer.h"
#include "libattest/model/gguf_writer.h"

namespace {

// A vocabulary that has every byte and a few pieces, so that any text has tokens.
attest::inference::Tokenizer vocabulary() {
  attest::model::GgufWriter writer;
  std::vector<std::string> tokens{"<unk>", "\xe2\x96\x81", "a", "b", "ab", "aa", "<s>"};
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_f32s("tokenizer.ggml.scores", std::vector<float>(tokens.size(), -1.0F));
  writer.add_i32s("tokenizer.ggml.token_type", {2, 1, 1, 1, 1, 1, 3});
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
  return *attest::inference::Tokenizer::read(*attest::model::parse_gguf(*writer.finish()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizer = vocabulary();
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto tokens = tokenizer.encode(attest::as_text(bytes), {.read_special = true}))
    (void)tokenizer.decode(*tokens);
  // The same bytes as a vocabulary of their own.
  if (const auto gguf = attest::model::parse_gguf(bytes))
    (void)attest::inference::Tokenizer::read(*gguf);
  return 0;
}
