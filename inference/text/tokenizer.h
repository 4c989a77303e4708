// From text to tokens and back, by the vocabulary in a model's file.
//
// A Tokenizer is immutable and may be used from several threads. Each way of cutting raw text is a
// file of its own: sentence_pieces.h for `llama` vocabularies, pre_tokenizer.h and byte_pairs.h for
// `gpt2`, word_pieces.h for `bert`. All take n log n time in the length of the text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "inference/text/byte_pairs.h"
#include "inference/text/pre_tokenizer.h"
#include "inference/text/special_texts.h"
#include "inference/text/vocabulary.h"
#include "inference/text/word_pieces.h"

namespace attest::inference {

struct EncodeOptions {
  bool add_begin = true;      // begin of text in front and end behind, where the model asks for it
  bool read_special = false;  // texts of control tokens become these tokens
  bool drop_guards = false;   // guard marks kept special texts apart, and are no text themselves
};

class Tokenizer {
 public:
  // read refuses vocabularies that Vocabulary::read refuses, kinds of tokenizers this runtime has
  // not got (rules::tokenizer_kind), and what BytePairs::read and PreTokenizer::named refuse.
  static Result<Tokenizer> read(const model::Gguf& gguf);

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // encode refuses text that is not UTF-8, and text that has no tokens where the vocabulary has
  // neither byte tokens nor an unknown token (rules::tokenizer_text).
  Result<std::vector<Token>> encode(std::string_view text, EncodeOptions options = {}) const;

  // guarded puts a guard mark into each special text, so that it is not found by encode.
  static constexpr std::string_view guard_mark = "\xef\xa3\xbf";  // U+F8FF
  std::string guarded(std::string_view text) const;

  // piece gives the bytes a token stands for, which may be a part of a character; nothing for
  // control tokens and for tokens outside the vocabulary.
  std::string piece(Token token) const;
  std::string decode(std::span<const Token> tokens) const;

 private:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  Status read_llama(const model::Gguf& gguf);
  Status read_gpt2(const model::Gguf& gguf);
  Status read_bert(const model::Gguf& gguf);
  void find_specials();
  Status append_raw(std::string_view text, bool behind_special, std::vector<Token>& to) const;

  struct SentencePieces {
    bool add_space = true;
  };
  struct Bytes {
    PreTokenizer words;
    BytePairs pairs;
  };

  Vocabulary vocabulary_;
  std::variant<WordPieceCleaning, SentencePieces, Bytes> kind_;
  SpecialTexts always_special_;       // tokens a user defined
  SpecialTexts all_special_;          // and control tokens
  std::optional<Token> begin_, end_;  // where a text is set between them
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule tokenizer_kind{"inference.tokenizer.kind"};
inline constexpr Rule tokenizer_text{"inference.tokenizer.text"};
}  // namespace attest::rules
