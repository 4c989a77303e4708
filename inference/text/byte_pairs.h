// Byte-level byte-pair merging, as `gpt2` vocabularies have it: each byte of a word is written as
// one printable character, neighbours are joined by the rank of their merge, the lowest first and
// the leftmost of equals. Immutable.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inference/text/vocabulary.h"

namespace attest::inference {

class BytePairs {
 public:
  // read refuses merges that are not two texts and a space between them, and merges of which a part
  // or the whole is no token (rules::byte_pairs_merge).
  static Result<BytePairs> read(const model::Gguf& gguf, const Vocabulary& vocabulary);

  // append adds the tokens of one word. Where `whole_words`, a word that is a token as it stands is
  // that token. Refused: a byte without a token where there is no unknown token
  // (rules::tokenizer_text). Time: n log n in the word's length.
  Status append(const Vocabulary& vocabulary, std::string_view word, bool whole_words,
                std::vector<Token>& to) const;

  // bytes_of turns a token's text back into the bytes it stands for.
  static std::string bytes_of(std::string_view token_text);

 private:
  struct Merge {
    std::uint32_t rank;
    Token joint;
  };
  const Merge* find(Token left, Token right) const;
  void merge(std::vector<Token>& symbols) const;
  void merge_long(std::vector<Token>& symbols) const;

  std::unordered_map<std::uint64_t, Merge> merges_;
  std::array<std::optional<Token>, 256> bytes_{};
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule byte_pairs_merge{"inference.byte-pairs.merge"};
}
