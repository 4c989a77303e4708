// The regular expressions that byte-pair tokenizers cut a text with, as far as such tokenizers go:
//
//   pattern    = sequence *( "|" sequence )              the first that matches, as in Perl
//   sequence   = 1*( class [ quantifier ] / group / ahead )
//   class      = character / escape / "[" ["^"] 1*( range / escape ) [ "&&[^" … "]" ] "]"
//   escape     = \s \S \d \r \n \t \f \v, \p{L} … \p{Lu} … \p{Han}, or a character for itself
//   quantifier = "?" / "*" / "+" / "{m}" / "{m,n}"
//   group      = "(?:" or "(?i:", classes without quantifiers, divided by "|", ")" [ "?" ]
//   ahead      = "(?!" class ")" / "$"                   what must not follow
//
// Matching tries no more than the lengths of one run for each quantifier, and the patterns in use
// never leave a long run unmatched behind: cutting a text is linear in its length.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "inference/text/unicode.h"
#include "libattest/base/result.h"

namespace attest::inference {

class CharacterClass {
 public:
  bool holds(char32_t character) const {
    return character < 0x80 ? ascii_[character] : computed(character);
  }

 private:
  friend class PatternParser;
  bool computed(char32_t character) const;
  void settle();  // fills ascii_, once all else is known

  bool negated_ = false;
  bool space_ = false, not_space_ = false, han_ = false;
  CategorySet categories_ = 0;
  std::vector<std::pair<char32_t, char32_t>> ranges_;
  std::vector<CharacterClass> without_;  // at most one
  bool ascii_[0x80] = {};
};

class SplitPattern {
 public:
  // parse refuses what the grammar above has not got (rules::split_pattern).
  static Result<SplitPattern> parse(std::u32string_view pattern);

  // match gives the end of a match that begins at `from`, which is before the end of `text`;
  // nothing, and never an empty match, where there is none.
  std::optional<std::size_t> match(std::u32string_view text, std::size_t from) const;

 private:
  friend class PatternParser;
  struct Item {
    enum class Kind { repeat, group, not_ahead } kind;
    CharacterClass characters;
    std::size_t least = 1, most = 1;
    std::vector<std::vector<CharacterClass>> options;  // of a group
  };
  using Sequence = std::vector<Item>;
  static std::optional<std::size_t> match(const Sequence& sequence, std::size_t item,
                                          std::u32string_view text, std::size_t at);

  std::vector<Sequence> sequences_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule split_pattern{"inference.split-pattern"};
}
