// links: attest::inference
// seeds: inference/bad-gguf
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/text/tokenizer.h"
#include "libattest/model/gguf_writer.h"
#include "tests/unit/inference/byte_vocabulary.h"

namespace {

using namespace attest;
using inference::Tokenizer;

// Vocabularies in which any text has tokens.
Tokenizer sentence_pieces(const char* kind) {
  model::GgufWriter writer;
  const std::vector<std::string> tokens{"<unk>", "\xe2\x96\x81", "a", "b", "ab", "aa", "<s>"};
  writer.add_string("tokenizer.ggml.model", kind);
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_f32s("tokenizer.ggml.scores", std::vector<float>(tokens.size(), -1.0F));
  writer.add_i32s("tokenizer.ggml.token_type", {2, 1, 1, 1, 1, 1, 3});
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
  return *Tokenizer::read(*model::parse_gguf(*writer.finish()));
}

std::vector<Tokenizer> vocabularies() {
  std::vector<Tokenizer> all{sentence_pieces("llama"), sentence_pieces("bert")};
  for (const std::string_view name : inference::PreTokenizer::names())
    all.push_back(*test::byte_tokenizer({"a b", "ab a"}, {"ab", "aba"}, name));
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizers = vocabularies();
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const Tokenizer& tokenizer : tokenizers)
    if (const auto tokens = tokenizer.encode(as_text(bytes), {.read_special = true})) {
      const std::string text = tokenizer.decode(*tokens);
      // Byte-level vocabularies lose nothing.
      if (tokenizer.vocabulary().size() >= 256 && text != as_text(bytes)) __builtin_trap();
    }
  // The same bytes as a vocabulary of their own.
  if (const auto gguf = model::parse_gguf(bytes)) (void)Tokenizer::read(*gguf);
  return 0;
}
