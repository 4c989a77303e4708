// The tokens of a vocabulary in the order of their bytes, so that all that begin alike are judged
// together. Immutable.
#pragma once

#include <functional>

#include "inference/text/tokenizer.h"

namespace attest::inference {

class TokenOrder {
 public:
  explicit TokenOrder(const Tokenizer& tokenizer);

  struct Entry {
    Token token;
    std::string bytes;   // never empty: control tokens have no place here
    std::size_t shared;  // bytes at the beginning that are those of the entry before
  };
  const std::vector<Entry>& entries() const { return entries_; }
  const std::string& bytes_of(Token token) const { return bytes_[token]; }
  std::size_t size() const { return bytes_.size(); }
  const std::vector<Token>& end_tokens() const { return end_tokens_; }

 private:
  std::vector<Entry> entries_;
  std::vector<std::string> bytes_;  // by token
  std::vector<Token> end_tokens_;
};

}  // namespace attest::inference
