#include "inference/text/split_pattern.h"

#include <algorithm>
#include <limits>

namespace attest::inference {

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

Error wrong_pattern(std::string what, std::size_t at) {
  return refused(rules::split_pattern, std::move(what)).within("character " + std::to_string(at));
}

std::optional<CategorySet> categories_named(std::u32string_view name) {
  constexpr std::pair<std::u32string_view, CategorySet> names[] = {
      {U"L", categories::letter},      {U"M", categories::mark},      {U"N", categories::number},
      {U"P", categories::punctuation}, {U"S", categories::symbol},    {U"Lu", set_of(Category::lu)},
      {U"Ll", set_of(Category::ll)},   {U"Lt", set_of(Category::lt)}, {U"Lm", set_of(Category::lm)},
      {U"Lo", set_of(Category::lo)},
  };
  for (const auto& [known, set] : names)
    if (known == name) return set;
  return std::nullopt;
}

}  // namespace

bool CharacterClass::computed(char32_t character) const {
  const bool named = (categories_ != 0 && is_in(categories_, character)) ||
                     (space_ && is_space(character)) || (not_space_ && !is_space(character)) ||
                     (han_ && is_han(character)) ||
                     std::ranges::any_of(ranges_, [character](const auto& range) {
                       return character >= range.first && character <= range.second;
                     });
  return named != negated_ &&
         std::ranges::all_of(without_, [&](const auto& each) { return each.holds(character); });
}

void CharacterClass::settle() {
  for (char32_t character = 0; character < 0x80; ++character)
    ascii_[character] = computed(character);
}

class PatternParser {
 public:
  explicit PatternParser(std::u32string_view pattern) : pattern_(pattern) {}

  Result<SplitPattern> parse() {
    SplitPattern split;
    do {
      SplitPattern::Sequence sequence;
      while (!at_end() && next() != U'|') {
        TRY(auto item, this->item());
        sequence.push_back(std::move(item));
      }
      if (sequence.empty()) return fail(wrong_pattern("an empty sequence", at_));
      split.sequences_.push_back(std::move(sequence));
    } while (take(U'|'));
    return split;
  }

 private:
  bool at_end() const { return at_ == pattern_.size(); }
  char32_t next() const { return at_end() ? 0 : pattern_[at_]; }
  bool take(char32_t character) {
    if (at_end() || pattern_[at_] != character) return false;
    ++at_;
    return true;
  }
  bool take(std::u32string_view text) {
    if (!pattern_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  Result<SplitPattern::Item> item() {
    if (take(U"(?!")) {
      TRY(auto ahead, one_class());
      if (!take(U')')) return fail(wrong_pattern("an open lookahead", at_));
      return SplitPattern::Item{SplitPattern::Item::Kind::not_ahead, std::move(ahead), 0, 0, {}};
    }
    if (take(U'$')) {
      CharacterClass any;
      any.negated_ = true;
      any.settle();
      return SplitPattern::Item{SplitPattern::Item::Kind::not_ahead, std::move(any), 0, 0, {}};
    }
    if (take(U"(?i:")) return group(true);
    if (take(U"(?:")) return group(false);
    SplitPattern::Item item{SplitPattern::Item::Kind::repeat, {}, 1, 1, {}};
    TRY(item.characters, one_class());
    TRY_VOID(quantifier(item));
    return item;
  }

  Result<SplitPattern::Item> group(bool either_case) {
    SplitPattern::Item item{SplitPattern::Item::Kind::group, {}, 1, 1, {{}}};
    while (!take(U')')) {
      if (at_end()) return fail(wrong_pattern("an open group", at_));
      if (take(U'|')) {
        item.options.emplace_back();
        continue;
      }
      const char32_t letter = next();
      TRY(auto characters, one_class());
      if (either_case && letter >= U'a' && letter <= U'z') {
        characters.ranges_.emplace_back(letter - 0x20, letter - 0x20);
        characters.settle();
      }
      item.options.back().push_back(std::move(characters));
    }
    if (take(U'?')) item.least = 0;
    return item;
  }

  Status quantifier(SplitPattern::Item& item) {
    if (take(U'?')) {
      item.least = 0;
    } else if (take(U'*')) {
      item.least = 0;
      item.most = unlimited;
    } else if (take(U'+')) {
      item.most = unlimited;
    } else if (take(U'{')) {
      TRY(item.least, number());
      item.most = item.least;
      if (take(U',')) {
        TRY(item.most, number());
      }
      if (!take(U'}') || item.most < item.least || item.most == 0)
        return fail(wrong_pattern("a wrong quantifier", at_));
    }
    return {};
  }

  Result<std::size_t> number() {
    std::size_t value = 0;
    const std::size_t from = at_;
    while (next() >= U'0' && next() <= U'9' && value < 1000)
      value = value * 10 + (pattern_[at_++] - U'0');
    if (at_ == from) return fail(wrong_pattern("a number is missing", at_));
    return value;
  }

  Result<CharacterClass> one_class() {
    CharacterClass characters;
    if (take(U'[')) {
      TRY(characters, bracketed());
    } else {
      TRY_VOID(member(characters, false));
    }
    characters.settle();
    return characters;
  }

  // What stands behind "[".
  Result<CharacterClass> bracketed() {
    CharacterClass characters;
    characters.negated_ = take(U'^');
    while (!take(U']')) {
      if (at_end()) return fail(wrong_pattern("an open class", at_));
      if (take(U"&&[")) {
        TRY(auto without, bracketed());
        without.settle();
        characters.without_.push_back(std::move(without));
        continue;
      }
      TRY_VOID(member(characters, true));
    }
    return characters;
  }

  // member adds a character, a range (between brackets only) or what an escape stands for.
  Status member(CharacterClass& to, bool in_brackets) {
    if (at_end()) return fail(wrong_pattern("a character is missing", at_));
    if (take(U"\\p{")) {
      const std::size_t close = pattern_.find(U'}', at_);
      if (close == std::u32string_view::npos) return fail(wrong_pattern("an open property", at_));
      const auto name = pattern_.substr(at_, close - at_);
      if (name == U"Han") {
        to.han_ = true;
      } else if (const auto set = categories_named(name)) {
        to.categories_ |= *set;
      } else {
        return fail(wrong_pattern("an unknown property", at_));
      }
      at_ = close + 1;
      return {};
    }
    if (take(U"\\s")) return to.space_ = true, Status();
    if (take(U"\\S")) return to.not_space_ = true, Status();
    if (take(U"\\d")) return to.ranges_.emplace_back(U'0', U'9'), Status();
    const char32_t first = character();
    char32_t last = first;
    if (in_brackets && at_ + 1 < pattern_.size() && pattern_[at_] == U'-' &&
        pattern_[at_ + 1] != U']') {
      ++at_;
      last = character();
    }
    if (last < first) return fail(wrong_pattern("a range that ends before it begins", at_));
    to.ranges_.emplace_back(first, last);
    return {};
  }

  char32_t character() {
    const char32_t plain = pattern_[at_++];
    if (plain != U'\\' || at_end()) return plain;
    switch (const char32_t escaped = pattern_[at_++]) {
      case U'r':
        return U'\r';
      case U'n':
        return U'\n';
      case U't':
        return U'\t';
      case U'f':
        return U'\f';
      case U'v':
        return U'\v';
      default:
        return escaped;
    }
  }

  std::u32string_view pattern_;
  std::size_t at_ = 0;
};

Result<SplitPattern> SplitPattern::parse(std::u32string_view pattern) {
  return PatternParser(pattern).parse();
}

std::optional<std::size_t> SplitPattern::match(std::u32string_view text, std::size_t from) const {
  for (const Sequence& sequence : sequences_)
    if (const auto end = match(sequence, 0, text, from); end && *end > from) return end;
  return std::nullopt;
}

std::optional<std::size_t> SplitPattern::match(const Sequence& sequence, std::size_t number,
                                               std::u32string_view text, std::size_t at) {
  if (number == sequence.size()) return at;
  const Item& item = sequence[number];
  switch (item.kind) {
    case Item::Kind::not_ahead:
      if (at < text.size() && item.characters.holds(text[at])) return std::nullopt;
      return match(sequence, number + 1, text, at);
    case Item::Kind::group: {
      for (const auto& option : item.options) {
        if (text.size() - at < option.size()) continue;
        std::size_t fits = 0;
        while (fits < option.size() && option[fits].holds(text[at + fits])) ++fits;
        if (fits < option.size()) continue;
        if (const auto end = match(sequence, number + 1, text, at + fits)) return end;
      }
      return item.least == 0 ? match(sequence, number + 1, text, at) : std::nullopt;
    }
    case Item::Kind::repeat: {
      std::size_t count = 0;
      while (count < item.most && at + count < text.size() &&
             item.characters.holds(text[at + count]))
        ++count;
      if (count < item.least) return std::nullopt;
      if (number + 1 == sequence.size()) return at + count;
      for (;; --count) {
        if (const auto end = match(sequence, number + 1, text, at + count)) return end;
        if (count == item.least) return std::nullopt;
      }
    }
  }
  return std::nullopt;
}

}  // namespace attest::inference
