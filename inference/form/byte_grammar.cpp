#include "inference/form/byte_grammar.h"

#include <algorithm>

#include "inference/text/unicode.h"

namespace attest::inference {

namespace {

using ByteSet = ByteGrammar::ByteSet;
using Range = GrammarBuilder::Range;

constexpr char32_t last_character = 0x10ffff;

// Sorted and joined, without surrogates.
std::vector<Range> tidied(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::first);
  std::vector<Range> joined;
  for (const Range& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

std::vector<Range> without_surrogates(const std::vector<Range>& ranges) {
  std::vector<Range> kept;
  for (const Range& range : ranges) {
    if (range.first < 0xd800) kept.push_back({range.first, std::min<char32_t>(range.last, 0xd7ff)});
    if (range.last > 0xdfff) kept.push_back({std::max<char32_t>(range.first, 0xe000), range.last});
  }
  return kept;
}

std::vector<Range> others_than(const std::vector<Range>& ranges) {
  std::vector<Range> others;
  char32_t next = 0;
  for (const Range& range : ranges) {
    if (range.first > next) others.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= last_character) others.push_back({next, last_character});
  return others;
}

std::string utf8_of(char32_t c) {
  std::string bytes;
  append_utf8(bytes, c);
  return bytes;
}

ByteSet between(unsigned first, unsigned last) {
  ByteSet set;
  for (unsigned byte = first; byte <= last; ++byte) set.set(byte);
  return set;
}

// Cuts a range where its UTF-8 changes length, and then until each part is a row of byte ranges.
void append_rows(Range range, std::vector<std::vector<ByteSet>>& rows) {
  for (const char32_t border : {0x7fU, 0x7ffU, 0xffffU})
    if (range.first <= border && range.last > border) {
      append_rows({range.first, border}, rows);
      append_rows({border + 1, range.last}, rows);
      return;
    }
  const std::string first = utf8_of(range.first);
  const std::string last = utf8_of(range.last);
  for (std::size_t tail = first.size() - 1; tail > 0; --tail) {
    // Below this byte: where the bytes above differ, it must run over all there are.
    const char32_t mask = (char32_t{1} << (6 * tail)) - 1;
    if ((range.first & ~mask) == (range.last & ~mask)) continue;
    if ((range.first & mask) != 0) {
      append_rows({range.first, range.first | mask}, rows);
      append_rows({(range.first | mask) + 1, range.last}, rows);
      return;
    }
    if ((range.last & mask) != mask) {
      append_rows({range.first, (range.last & ~mask) - 1}, rows);
      append_rows({range.last & ~mask, range.last}, rows);
      return;
    }
  }
  std::vector<ByteSet>& row = rows.emplace_back();
  for (std::size_t i = 0; i < first.size(); ++i)
    row.push_back(
        between(static_cast<unsigned char>(first[i]), static_cast<unsigned char>(last[i])));
}

// The rules that may stand at the beginning of each rule.
class Beginnings {
 public:
  explicit Beginnings(const ByteGrammar& grammar) : grammar_(&grammar) {
    for (bool grew = true; grew;) {
      grew = false;
      for (std::size_t rule = 0; rule < grammar.rules.size(); ++rule) grew |= look_at(rule);
    }
  }

  bool can_begin_with_itself() const {
    enum class Mark : std::uint8_t { unseen, open, done };
    std::vector<Mark> marks(grammar_->rules.size(), Mark::unseen);
    struct Visit {
      std::uint32_t rule;
      std::size_t next;
      std::vector<std::uint32_t> first;
    };
    for (std::uint32_t start = 0; start < marks.size(); ++start) {
      if (marks[start] != Mark::unseen) continue;
      std::vector<Visit> path;
      path.push_back({start, 0, first_rules(start)});
      marks[start] = Mark::open;
      while (!path.empty()) {
        Visit& here = path.back();
        if (here.next == here.first.size()) {
          marks[here.rule] = Mark::done;
          path.pop_back();
          continue;
        }
        const std::uint32_t to = here.first[here.next++];
        if (marks[to] == Mark::open) return true;
        if (marks[to] == Mark::done) continue;
        marks[to] = Mark::open;
        path.push_back({to, 0, first_rules(to)});
      }
    }
    return false;
  }

 private:
  bool is_empty(const ByteGrammar::Element& element) const {
    return element.kind == ByteGrammar::Kind::rule && may_be_empty_[element.value];
  }
  bool look_at(std::size_t rule) {
    may_be_empty_.resize(grammar_->rules.size());
    if (may_be_empty_[rule]) return false;
    for (std::uint32_t at : grammar_->rules[rule]) {
      while (is_empty(grammar_->elements[at])) ++at;
      if (grammar_->elements[at].kind != ByteGrammar::Kind::end) continue;
      may_be_empty_[rule] = true;
      return true;
    }
    return false;
  }
  std::vector<std::uint32_t> first_rules(std::uint32_t rule) const {
    std::vector<std::uint32_t> first;
    for (std::uint32_t at : grammar_->rules[rule])
      for (;; ++at) {
        const auto& element = grammar_->elements[at];
        if (element.kind == ByteGrammar::Kind::rule) first.push_back(element.value);
        if (!is_empty(element)) break;
      }
    return first;
  }

  const ByteGrammar* grammar_;
  std::vector<bool> may_be_empty_;
};

}  // namespace

std::uint32_t GrammarBuilder::set_index(const ByteSet& set) {
  const auto [at, is_new] =
      set_indexes_.emplace(set.to_string(), static_cast<std::uint32_t>(grammar_.sets.size()));
  if (is_new) grammar_.sets.push_back(set);
  return at->second;
}

GrammarBuilder::Rule GrammarBuilder::declare() {
  ++size_;
  grammar_.rules.emplace_back();
  defined_.push_back(false);
  return static_cast<Rule>(grammar_.rules.size() - 1);
}

void GrammarBuilder::define(Rule rule, std::vector<Sequence> alternatives) {
  defined_[rule] = true;
  for (const Sequence& alternative : alternatives) {
    size_ += alternative.size() + 1;
    if (too_large()) return;
    grammar_.rules[rule].push_back(static_cast<std::uint32_t>(grammar_.elements.size()));
    grammar_.elements.insert(grammar_.elements.end(), alternative.begin(), alternative.end());
    grammar_.elements.push_back({ByteGrammar::Kind::end, 0});
  }
}

GrammarBuilder::Sequence GrammarBuilder::literal(std::string_view bytes) {
  Sequence sequence;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    sequence.push_back({ByteGrammar::Kind::bytes, set_index(between(value, value))});
  }
  return sequence;
}

GrammarBuilder::Sequence GrammarBuilder::characters(std::vector<Range> ranges, bool others) {
  ranges = tidied(std::move(ranges));
  if (others) ranges = others_than(ranges);
  std::vector<std::vector<ByteSet>> rows;
  ByteSet single;
  for (const Range& range : without_surrogates(ranges)) append_rows(range, rows);
  std::vector<Sequence> alternatives;
  for (const auto& row : rows) {
    if (row.size() == 1) {
      single |= row.front();
      continue;
    }
    Sequence& alternative = alternatives.emplace_back();
    for (const ByteSet& set : row)
      alternative.push_back({ByteGrammar::Kind::bytes, set_index(set)});
  }
  Sequence ascii{{ByteGrammar::Kind::bytes, set_index(single)}};
  if (alternatives.empty()) return ascii;
  if (single.any()) alternatives.push_back(std::move(ascii));
  return one_of(std::move(alternatives));
}

GrammarBuilder::Sequence GrammarBuilder::one_of(std::vector<Sequence> alternatives) {
  if (alternatives.size() == 1) return std::move(alternatives.front());
  const Rule rule = declare();
  define(rule, std::move(alternatives));
  return call(rule);
}

GrammarBuilder::Sequence GrammarBuilder::wrapped(const Sequence& what) {
  if (what.size() <= 1) return what;
  const Rule rule = declare();
  define(rule, {what});
  return call(rule);
}

// What may be left out is a rule that goes on with itself or ends: no stack grows with it.
GrammarBuilder::Sequence GrammarBuilder::repeated(const Sequence& what, std::uint32_t least,
                                                  std::optional<std::uint32_t> most) {
  const Sequence once = wrapped(what);
  Sequence all;
  for (std::uint32_t i = 0; i < least && !too_large(); ++i) {
    all.insert(all.end(), once.begin(), once.end());
    ++size_;
  }
  if (!most) {
    const Rule more = declare();
    define(more, {joined({once, call(more)}), {}});
    return joined({std::move(all), call(more)});
  }
  Sequence rest;
  for (std::uint32_t i = least; i < *most && !too_large(); ++i) {
    const Rule optional = declare();
    define(optional, {joined({once, rest}), {}});
    rest = call(optional);
  }
  return joined({std::move(all), std::move(rest)});
}

GrammarBuilder::Sequence GrammarBuilder::joined(std::vector<Sequence> parts) {
  Sequence all;
  for (const Sequence& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Status GrammarBuilder::check_size() const {
  if (!too_large()) return {};
  return fail(refused(rules::grammar_size, "the form asked for is too large")
                  .expected("at most " + std::to_string(max_grammar_elements) + " elements"));
}

Result<ByteGrammar> GrammarBuilder::finish(Rule root) {
  TRY_VOID(check_size());
  if (!std::ranges::all_of(defined_, [](bool defined) { return defined; }))
    return fail(refused(rules::grammar_undefined, "a rule is used and not defined"));
  grammar_.root = root;
  if (Beginnings(grammar_).can_begin_with_itself())
    return fail(refused(rules::grammar_left_recursion, "a rule can begin with itself")
                    .next("put what repeats behind what it begins with"));
  return std::move(grammar_);
}

}  // namespace attest::inference
