// The vocabulary of a model, as its GGUF file carries it. Immutable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libattest/model/gguf.h"

namespace attest::inference {

using Token = std::uint32_t;

enum class TokenType : std::uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

class Vocabulary {
 public:
  // read refuses: no tokens, scores that are not numbers, unknown token types, and byte tokens that
  // are not exactly "<0x00>" … "<0xFF>" (rules::vocabulary_form).
  static Result<Vocabulary> read(const model::Gguf& gguf);

  std::size_t size() const { return texts_.size(); }
  const std::string& text(Token token) const { return texts_[token]; }
  float score(Token token) const { return scores_.empty() ? 0.0F : scores_[token]; }
  bool has_scores() const { return !scores_.empty(); }
  TokenType type(Token token) const { return types_[token]; }
  // find gives the token of a text; of equal texts the lowest.
  std::optional<Token> find(std::string_view text) const;
  std::optional<Token> byte(std::uint8_t value) const { return bytes_[value]; }
  // byte_of gives the byte of a byte token.
  std::uint8_t byte_of(Token token) const;

  std::optional<Token> begin_of_text() const { return bos_; }
  std::optional<Token> end_of_text() const { return eos_; }
  std::optional<Token> unknown() const { return unknown_; }
  // class_token and separator stand around a text of a BERT model.
  std::optional<Token> class_token() const { return class_; }
  std::optional<Token> separator() const { return separator_; }
  // longest_text in bytes.
  std::size_t longest_text() const { return longest_text_; }
  // end_tokens are those that end an answer: end of text, end of turn, end of message.
  const std::vector<Token>& end_tokens() const { return end_tokens_; }

 private:
  Status read_bytes();
  Result<std::optional<Token>> special(const model::Gguf& gguf, std::string_view name) const;

  std::vector<std::string> texts_;
  std::vector<float> scores_;
  std::vector<TokenType> types_;
  std::unordered_map<std::string, Token> by_text_;
  std::array<std::optional<Token>, 256> bytes_{};
  std::optional<Token> bos_, eos_, unknown_, class_, separator_;
  std::size_t longest_text_ = 0;
  std::vector<Token> end_tokens_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule vocabulary_form{"inference.vocabulary.form"};
}
