// From text to tokens and back, by the vocabulary in a model's file.
//
// A Tokenizer is immutable and may be used from several threads. Each way of cutting raw text is a
// file of its own: sentence_pieces.h for `llama` vocabularies.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inference/vocabulary.h"

namespace attest::inference {

struct EncodeOptions {
  bool add_begin = true;      // begin-of-text in front, where the model asks for it
  bool read_special = false;  // texts of control tokens become these tokens
};

class Tokenizer {
 public:
  // read refuses vocabularies that Vocabulary::read refuses, and kinds of tokenizers this runtime
  // has not got (rules::tokenizer_kind).
  static Result<Tokenizer> read(const model::Gguf& gguf);

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // encode refuses text that is not UTF-8, and text that has no tokens where the vocabulary has
  // neither byte tokens nor an unknown token (rules::tokenizer_text).
  Result<std::vector<Token>> encode(std::string_view text, EncodeOptions options = {}) const;

  // piece gives the bytes a token stands for, which may be a part of a character; nothing for
  // control tokens and for tokens outside the vocabulary.
  std::string piece(Token token) const;
  std::string decode(std::span<const Token> tokens) const;

 private:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  Vocabulary vocabulary_;
  std::vector<Token> specials_;  // longest text first, then lowest token
  bool add_begin_ = true;
  bool add_end_ = false;
  bool add_space_ = true;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule tokenizer_kind{"inference.tokenizer.kind"};
inline constexpr Rule tokenizer_text{"inference.tokenizer.text"};
}  // namespace attest::rules
