// A grammar over bytes: what grammar_text.h and json_schema.h are made into, and grammar_matcher.h
// follows. Plain values, immutable once finished.
//
// Rules have alternatives, an alternative is a row of elements, an element is one byte out of a set
// or another rule. Characters beyond ASCII are rules over the bytes of their UTF-8.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "libattest/base/result.h"

namespace attest::inference {

struct ByteGrammar {
  using ByteSet = std::bitset<256>;
  enum class Kind : std::uint8_t { bytes, rule, end };
  struct Element {
    Kind kind;
    std::uint32_t value;  // of `sets` or `rules`
  };
  // Alternatives lie one behind the other in `elements`, each ended by Kind::end.
  std::vector<Element> elements;
  std::vector<std::vector<std::uint32_t>> rules;  // where the alternatives of each begin
  std::vector<ByteSet> sets;
  std::uint32_t root = 0;
};

inline constexpr std::size_t max_form_size = 64U << 10;  // bytes of a grammar's or schema's text
inline constexpr std::size_t max_grammar_elements = 1U << 17;
inline constexpr std::uint32_t max_repetitions = 2000;

// GrammarBuilder puts a grammar together. What would be too large is left out, and finish says so.
class GrammarBuilder {
 public:
  using Element = ByteGrammar::Element;
  using Sequence = std::vector<Element>;
  using Rule = std::uint32_t;
  struct Range {
    char32_t first, last;
  };

  // declare names a rule that is defined later.
  Rule declare();
  void define(Rule rule, std::vector<Sequence> alternatives);

  Sequence literal(std::string_view bytes);
  // characters is one of the characters in the ranges, or, with `others`, one of all others.
  // Surrogates are no characters.
  Sequence characters(std::vector<Range> ranges, bool others = false);
  Sequence one_of(std::vector<Sequence> alternatives);
  // wrapped makes a rule of what will stand in several places.
  Sequence wrapped(const Sequence& what);
  Sequence repeated(const Sequence& what, std::uint32_t least, std::optional<std::uint32_t> most);
  static Sequence call(Rule rule) { return {{ByteGrammar::Kind::rule, rule}}; }
  static Sequence joined(std::vector<Sequence> parts);

  // check_size refuses a grammar of more than max_grammar_elements (rules::grammar_size).
  Status check_size() const;
  // finish refuses what check_size refuses, a rule that was declared and not defined, and a rule
  // that can begin with itself, for which there is no end of beginnings
  // (rules::grammar_left_recursion).
  Result<ByteGrammar> finish(Rule root);

 private:
  bool too_large() const { return size_ > max_grammar_elements; }
  std::uint32_t set_index(const ByteGrammar::ByteSet& set);

  ByteGrammar grammar_;
  std::vector<bool> defined_;
  std::map<std::string, std::uint32_t> set_indexes_;
  std::size_t size_ = 0;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule grammar_size{"inference.grammar.size"};
inline constexpr Rule grammar_undefined{"inference.grammar.undefined"};
inline constexpr Rule grammar_left_recursion{"inference.grammar.left-recursion"};
}  // namespace attest::rules
