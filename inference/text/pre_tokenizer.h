// Cutting a text into the words that byte-pair merging works on, by the rules a vocabulary names in
// `tokenizer.ggml.pre`. Immutable.
//
// The rules are in the order of the steps that cut: each step cuts every piece that the one before
// it left, at each match of its pattern; what lies between matches stays a piece.
#pragma once

#include <string_view>
#include <vector>

#include "inference/text/split_pattern.h"

namespace attest::inference {

class PreTokenizer {
 public:
  // named refuses names it does not know (rules::pre_tokenizer_unknown): a guess would give other
  // tokens than the model was trained with.
  static Result<PreTokenizer> named(std::string_view name);
  static std::vector<std::string_view> names();

  // Of a vocabulary of this kind: a word that is a token as it stands is not merged.
  bool whole_words() const { return whole_words_; }
  // begins_texts and ends_texts say whether a text is set between begin and end of text where the
  // file itself does not say.
  bool begins_texts() const { return begins_texts_; }
  bool ends_texts() const { return ends_texts_; }

  // cut gives the words of `text`, well-formed UTF-8, in order and without a gap. They borrow it.
  std::vector<std::string_view> cut(std::string_view text) const;

 private:
  std::vector<SplitPattern> steps_;
  bool whole_words_ = false;
  bool begins_texts_ = false;
  bool ends_texts_ = false;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule pre_tokenizer_unknown{"inference.pre-tokenizer.unknown"};
}
