#include "inference/form/grammar_text.h"

#include <algorithm>
#include <map>

#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr int deepest_parentheses = 32;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

std::optional<std::uint32_t> digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

class GrammarParser {
 public:
  using Sequence = GrammarBuilder::Sequence;

  explicit GrammarParser(std::string_view text) : text_(text) {}

  Result<ByteGrammar> parse() {
    for (skip(true); !at_end(); skip(true)) TRY_VOID(rule());
    const auto root = rules_.find("root");
    if (root == rules_.end()) return fail(wrong("the grammar has no rule `root`"));
    for (const auto& [name, rule] : rules_)
      if (!rule.defined) {
        line_ = rule.line;
        return fail(wrong("`" + name + "` is used and has no rule"));
      }
    return builder_.finish(root->second.number);
  }

 private:
  struct Named {
    GrammarBuilder::Rule number;
    bool defined;
    std::size_t line;  // where it was met first
  };

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Error wrong(std::string what) const {
    return refused(rules::grammar_form, std::move(what)).within("line " + std::to_string(line_));
  }
  Error unexpected(std::string expected) const {
    return wrong("this is no grammar")
        .expected(std::move(expected))
        .found(at_end() ? "its end" : "\"" + printable(text_.substr(at_, 12)) + "\"");
  }

  // Spaces and comments, and lines where they do not end anything.
  void skip(bool over_lines) {
    while (!at_end()) {
      if (peek() == '#') {
        while (!at_end() && peek() != '\n') ++at_;
      } else if (peek() == ' ' || peek() == '\t' || peek() == '\r') {
        ++at_;
      } else if (over_lines && peek() == '\n') {
        ++line_;
        ++at_;
      } else {
        return;
      }
    }
  }

  Result<std::string> name() {
    const std::size_t start = at_;
    while (!at_end() && is_name(peek())) ++at_;
    if (at_ == start) return fail(unexpected("a rule's name"));
    return std::string(text_.substr(start, at_ - start));
  }
  Named& named(const std::string& name) {
    const auto known = rules_.find(name);
    if (known != rules_.end()) return known->second;
    return rules_.emplace(name, Named{builder_.declare(), false, line_}).first->second;
  }

  Status rule() {
    TRY(const std::string name, this->name());
    skip(false);
    if (!take(':') || !take(':') || !take('=')) return fail(unexpected("`::=`"));
    Named& rule = named(name);
    if (rule.defined) return fail(wrong("`" + name + "` is given twice"));
    rule.defined = true;
    skip(true);
    TRY(auto all, alternatives(0));
    builder_.define(rule.number, std::move(all));
    if (!at_end() && peek() != '\n') return fail(unexpected("the end of the rule"));
    return {};
  }

  Result<std::vector<Sequence>> alternatives(int depth) {
    std::vector<Sequence> all;
    for (;;) {
      TRY(Sequence one, sequence(depth));
      all.push_back(std::move(one));
      if (!take('|')) return all;
      skip(true);
    }
  }

  Result<Sequence> sequence(int depth) {
    Sequence all;
    for (;;) {
      skip(depth > 0);
      const char next = peek();
      if (at_end() || next == '|' || next == ')' || next == '\n') return all;
      TRY(Sequence item, this->item(depth));
      TRY(item, repetition(std::move(item)));
      TRY_VOID(builder_.check_size());
      all.insert(all.end(), item.begin(), item.end());
    }
  }

  Result<Sequence> item(int depth) {
    if (take('"')) return quoted();
    if (take('[')) return character_class();
    if (take('.')) return builder_.characters({}, true);
    if (take('(')) {
      if (depth == deepest_parentheses) return fail(wrong("parentheses are nested too deep"));
      skip(true);
      TRY(auto inside, alternatives(depth + 1));
      if (!take(')')) return fail(unexpected("`)`"));
      return builder_.one_of(std::move(inside));
    }
    TRY(const std::string called, name());
    return GrammarBuilder::call(named(called).number);
  }

  Result<Sequence> repetition(Sequence item) {
    if (take('?')) return builder_.repeated(item, 0, 1);
    if (take('*')) return builder_.repeated(item, 0, std::nullopt);
    if (take('+')) return builder_.repeated(item, 1, std::nullopt);
    if (!take('{')) return item;
    TRY(const std::uint32_t least, number());
    std::optional<std::uint32_t> most = least;
    if (take(',')) {
      most.reset();
      if (peek() != '}') {
        TRY(most, number());
        if (*most < least) return fail(wrong("a repetition ends before it begins"));
      }
    }
    if (!take('}')) return fail(unexpected("`}`"));
    return builder_.repeated(item, least, most);
  }
  Result<std::uint32_t> number() {
    std::uint32_t value = 0;
    const std::size_t start = at_;
    for (; !at_end() && peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (value > max_repetitions)
        return fail(
            wrong("too many repetitions").expected("at most " + std::to_string(max_repetitions)));
    }
    if (at_ == start) return fail(unexpected("a number"));
    return value;
  }

  Result<Sequence> quoted() {
    std::string bytes;
    while (!take('"')) {
      if (at_end() || peek() == '\n') return fail(unexpected("`\"`"));
      TRY(const char32_t c, character());
      append_utf8(bytes, c);
    }
    return builder_.literal(bytes);
  }

  Result<Sequence> character_class() {
    const bool others = take('^');
    std::vector<GrammarBuilder::Range> ranges;
    while (!take(']')) {
      if (at_end() || peek() == '\n') return fail(unexpected("`]`"));
      TRY(const char32_t first, character());
      char32_t last = first;
      if (at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']') {
        ++at_;
        TRY(last, character());
      }
      if (last < first) return fail(wrong("a range of characters ends before it begins"));
      ranges.push_back({first, last});
    }
    return builder_.characters(std::move(ranges), others);
  }

  // One character, escaped or as it is; the text is UTF-8.
  Result<char32_t> character() {
    if (take('\\')) return escaped();
    const auto lead = static_cast<unsigned char>(text_[at_++]);
    if (lead < 0x80) return char32_t{lead};
    const int tail = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    char32_t value = lead & (0x3fU >> static_cast<unsigned>(tail));
    for (int i = 0; i < tail; ++i)
      value = value << 6U | (static_cast<unsigned char>(text_[at_++]) & 0x3fU);
    return value;
  }
  Result<char32_t> escaped() {
    constexpr std::string_view plain = "\\\"[]-^";
    if (at_end()) return fail(unexpected("a character"));
    const char c = text_[at_++];
    if (plain.find(c) != std::string_view::npos) return static_cast<char32_t>(c);
    switch (c) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      default:
        --at_;
        return fail(unexpected("an escape that is known"));
    }
  }
  Result<char32_t> hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const auto digit = digit_of(peek());
      if (!digit) return fail(unexpected("a hex digit"));
      ++at_;
      value = value << 4U | *digit;
    }
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
      return fail(wrong("this number is no character"));
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  GrammarBuilder builder_;
  std::map<std::string, Named> rules_;
};

}  // namespace

Result<ByteGrammar> parse_grammar(std::string_view text) {
  if (text.size() > max_form_size)
    return fail(refused(rules::grammar_form, "the grammar's text is too long")
                    .expected("at most " + std::to_string(max_form_size) + " bytes")
                    .found(std::to_string(text.size())));
  if (!is_utf8(text)) return fail(refused(rules::grammar_form, "the grammar is not UTF-8"));
  return GrammarParser(text).parse();
}

}  // namespace attest::inference
