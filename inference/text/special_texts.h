// Finding the texts of special tokens in a text: from each place the longest, from the left. Linear
// in the text, times the number of different lengths of such texts.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inference/text/vocabulary.h"

namespace attest::inference {

class SpecialTexts {
 public:
  void add(std::string_view text, Token token);
  struct Found {
    std::size_t at;
    std::size_t length;
    Token token;
  };
  std::optional<Found> first_in(std::string_view text, std::size_t from) const;

 private:
  std::unordered_map<std::string, Token> by_text_;
  // The lengths there are of texts that begin with a byte, the longest first.
  std::array<std::vector<std::size_t>, 256> lengths_;
};

}  // namespace attest::inference
