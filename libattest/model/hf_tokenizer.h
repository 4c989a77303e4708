// tokenizer.json of a model as Hugging Face's tokenizers write it, with tokenizer_config.json and
// chat_template.jinja beside it: a vocabulary as GGUF says it.
//
// tokenizer.json holds a BPE model in one of two forms:
//   byte_fallback true   a SentencePiece vocabulary, GGUF's "llama": a token's score is minus the
//                        rank of the first merge that makes it, or minus their number where none
//                        does. Merges must be exactly those the vocabulary allows, or scores could
//                        not say them.
//   ByteLevel            GGUF's "gpt2": merges as they are; the cutting into words by the pattern
//                        that stands there, which must be one that has a name in GGUF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/result.h"

namespace attest::model {

struct HfTokenizer {
  std::string kind;                 // "llama" or "gpt2"
  std::string words;                // tokenizer.ggml.pre of "gpt2"
  std::vector<std::string> tokens;  // "[PADn]" where an id has no token
  std::vector<float> scores;        // of "llama"
  std::vector<std::int32_t> types;  // as GGUF numbers them
  std::vector<std::string> merges;  // of "gpt2"
  std::optional<std::uint64_t> begin, end, unknown, padding;
  std::optional<bool> adds_begin, adds_end, adds_space;
  std::string chat_template;
};

struct HfTokenizerFiles {
  std::string_view tokenizer;                        // tokenizer.json
  std::string_view config;                           // config.json: ids of special tokens
  std::optional<std::string_view> tokenizer_config;  // tokenizer_config.json
  std::optional<std::string_view> chat_template;     // chat_template.jinja
};

// parse_hf_tokenizer reads a vocabulary for `size` rows of an embedding. Refused: JSON that is not
// strict, another kind of model, ids twice or beyond `size`, merges of unknown pieces
// (rules::hf_tokenizer_form), and what GGUF cannot say: other normalisers, patterns without a name,
// merges that are no SentencePiece vocabulary's (rules::hf_tokenizer_unsupported).
Result<HfTokenizer> parse_hf_tokenizer(const HfTokenizerFiles& files, std::uint64_t size);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule hf_tokenizer_form{"model.hf-tokenizer.form"};
inline constexpr Rule hf_tokenizer_unsupported{"model.hf-tokenizer.unsupported"};
}  // namespace attest::rules
