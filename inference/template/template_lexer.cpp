#include "inference/template/template_lexer.h"

#include <algorithm>
#include <array>

#include "inference/template/template_syntax.h"
#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

constexpr std::string_view white = " \t\n\r\f\v";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) {
    // One kind of line end; the last one does not count.
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\r') {
        source_ += '\n';
        if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      } else {
        source_ += source[i];
      }
    }
    if (source_.ends_with('\n')) source_.pop_back();
  }

  Result<std::vector<Word>> split() {
    while (at_ < source_.size()) {
      const std::size_t tag = next_tag();
      if (tag == std::string::npos) {
        add_text(source_.substr(at_));
        at_ = source_.size();
        break;
      }
      TRY_VOID(one_tag(tag));
    }
    add(Word::Kind::end, "");
    return std::move(words_);
  }

 private:
  Error wrong(std::string what) const {
    return refused(rules::template_syntax, std::move(what))
        .within("template line " + std::to_string(line_));
  }
  void add(Word::Kind kind, std::string text) { words_.push_back({kind, std::move(text), line_}); }
  void add_text(std::string text) {
    if (!text.empty()) words_.push_back({Word::Kind::text, text, line_});
    count_lines(text);
  }
  void count_lines(std::string_view text) {
    line_ += static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  std::size_t next_tag() const {
    for (std::size_t i = source_.find('{', at_); i != std::string::npos;
         i = source_.find('{', i + 1))
      if (i + 1 < source_.size() &&
          (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#'))
        return i;
    return std::string::npos;
  }

  // The text before a tag, with white space taken off as the tag's mark and lstrip_blocks say.
  void text_before(std::size_t tag, char mark, bool block_or_comment) {
    std::string text = source_.substr(at_, tag - at_);
    if (mark == '-') {
      const std::size_t last = text.find_last_not_of(white);
      const std::size_t kept = last == std::string::npos ? 0 : last + 1;
      const std::string rest = text.substr(kept);
      add_text(text.substr(0, kept));
      count_lines(rest);
      return;
    }
    if (mark != '+' && block_or_comment) {
      const std::size_t line_start = text.rfind('\n') + 1;  // 0 where there is none
      if ((line_start > 0 || line_starting_) &&
          text.find_first_not_of(white, line_start) == std::string::npos)
        text.resize(line_start);
    }
    add_text(std::move(text));
  }

  Status one_tag(std::size_t tag) {
    const char kind = source_[tag + 1];
    std::size_t inner = tag + 2;
    char mark = 0;
    if (inner < source_.size() && (source_[inner] == '-' || (source_[inner] == '+' && kind != '{')))
      mark = source_[inner++];
    text_before(tag, mark, kind != '{');
    at_ = inner;
    if (kind == '#') {
      const std::size_t close = source_.find("#}", at_);
      if (close == std::string::npos) return fail(wrong("an open comment"));
      count_lines(std::string_view(source_).substr(at_, close - at_));
      const char before = close > at_ ? source_[close - 1] : '\0';
      at_ = close + 2;
      after_tag(before == '-' ? '-' : before == '+' ? '+' : '\0', true);
      return {};
    }
    if (kind == '%' && is_raw()) return raw();
    add(kind == '%' ? Word::Kind::block_begin : Word::Kind::output_begin, "");
    return inside(kind == '%');
  }

  // White space behind a tag: "-" takes all of it, a block or comment its line's end.
  void after_tag(char mark, bool block_or_comment) {
    const std::size_t from = at_;
    if (mark == '-') {
      while (at_ < source_.size() && white.find(source_[at_]) != std::string_view::npos) ++at_;
    } else if (mark != '+' && block_or_comment && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
    count_lines(std::string_view(source_).substr(from, at_ - from));
    line_starting_ = at_ > from && source_[at_ - 1] == '\n';
  }

  bool skip_white(std::size_t& at) const {
    while (at < source_.size() && white.find(source_[at]) != std::string_view::npos) ++at;
    return at < source_.size();
  }

  // is_raw looks whether the block at hand is {% raw %}.
  bool is_raw() const {
    std::size_t at = at_;
    if (!skip_white(at) || source_.compare(at, 3, "raw") != 0) return false;
    at += 3;
    skip_white(at);
    return source_.compare(at, 2, "%}") == 0 || source_.compare(at, 3, "-%}") == 0;
  }

  Status raw() {
    const std::size_t open_end = source_.find("%}", at_);
    const bool stripped = source_[open_end - 1] == '-';
    at_ = open_end + 2;
    if (stripped) skip_white(at_);
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos;
         tag = source_.find("{%", tag + 2)) {
      std::size_t inner = tag + 2;
      char mark = 0;
      if (inner < source_.size() && (source_[inner] == '-' || source_[inner] == '+'))
        mark = source_[inner++];
      skip_white(inner);
      if (source_.compare(inner, 6, "endraw") != 0) continue;
      inner += 6;
      skip_white(inner);
      char end_mark = 0;
      if (inner < source_.size() && (source_[inner] == '-' || source_[inner] == '+'))
        end_mark = source_[inner++];
      if (source_.compare(inner, 2, "%}") != 0) continue;
      text_before(tag, mark, true);
      at_ = inner + 2;
      after_tag(end_mark, true);
      return {};
    }
    return fail(wrong("an open raw block"));
  }

  Status inside(bool block) {
    const std::string_view close = block ? "%}" : "}}";
    std::size_t brackets = 0;
    for (;;) {
      const std::size_t from = at_;
      skip_white(at_);
      count_lines(std::string_view(source_).substr(from, at_ - from));
      const std::string_view rest = std::string_view(source_).substr(at_);
      if (rest.empty()) return fail(wrong("an open tag"));
      if (brackets == 0) {
        const char mark = rest.front();
        const bool marked =
            (mark == '-' || (mark == '+' && block)) && rest.substr(1).starts_with(close);
        if (marked || rest.starts_with(close)) {
          add(block ? Word::Kind::block_end : Word::Kind::output_end, "");
          at_ += close.size() + (marked ? 1 : 0);
          after_tag(marked ? mark : '\0', block);
          return {};
        }
      }
      TRY_VOID(word(rest, brackets));
    }
  }

  Status word(std::string_view rest, std::size_t& brackets) {
    const char c = rest.front();
    if (is_letter(c)) {
      std::size_t size = 1;
      while (size < rest.size() && (is_letter(rest[size]) || is_digit(rest[size]))) ++size;
      add(Word::Kind::name, std::string(rest.substr(0, size)));
      at_ += size;
      return {};
    }
    if (is_digit(c)) return number(rest);
    if (c == '"' || c == '\'') return string(c);
    constexpr std::array<std::string_view, 7> pairs{"//", "**", "==", "!=", ">=", "<=", "~"};
    for (const std::string_view pair : pairs)
      if (rest.starts_with(pair)) {
        add(Word::Kind::sign, std::string(pair));
        at_ += pair.size();
        return {};
      }
    if (std::string_view("+-/*%[](){}><=.:|,").find(c) == std::string_view::npos)
      return fail(
          wrong("an unexpected character").found("\"" + printable(rest.substr(0, 4)) + "\""));
    if (c == '(' || c == '[' || c == '{') ++brackets;
    if (c == ')' || c == ']' || c == '}') {
      if (brackets == 0) return fail(wrong("a bracket that closes nothing"));
      --brackets;
    }
    add(Word::Kind::sign, std::string(1, c));
    ++at_;
    return {};
  }

  Status number(std::string_view rest) {
    std::size_t size = 0;
    std::string digits;
    const auto take_digits = [&] {
      while (size < rest.size() && (is_digit(rest[size]) || rest[size] == '_')) {
        if (rest[size] != '_') digits += rest[size];
        ++size;
      }
    };
    take_digits();
    bool real = false;
    if (size + 1 < rest.size() && rest[size] == '.' && is_digit(rest[size + 1])) {
      real = true;
      digits += '.';
      ++size;
      take_digits();
    }
    if (size + 1 < rest.size() && (rest[size] == 'e' || rest[size] == 'E')) {
      const std::size_t sign = rest[size + 1] == '-' || rest[size + 1] == '+' ? 1 : 0;
      if (size + 1 + sign < rest.size() && is_digit(rest[size + 1 + sign])) {
        real = true;
        digits += rest.substr(size, 1 + sign);
        size += 1 + sign;
        take_digits();
      }
    }
    add(real ? Word::Kind::real : Word::Kind::integer, digits);
    at_ += size;
    return {};
  }

  Status string(char quote) {
    const std::size_t from = at_++;
    std::string text;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] != '\\' || at_ + 1 == source_.size()) {
        text += source_[at_++];
        continue;
      }
      TRY_VOID(escape(text));
    }
    if (at_ == source_.size()) return fail(wrong("an open string"));
    ++at_;
    add(Word::Kind::string, std::move(text));
    count_lines(std::string_view(source_).substr(from, at_ - from));
    return {};
  }

  Status escape(std::string& to) {
    const char c = source_[at_ + 1];
    constexpr std::string_view letters = "nrtbfav0\\'\"";
    constexpr std::string_view meant("\n\r\t\b\f\a\v\0\\'\"", 11);
    if (const std::size_t which = letters.find(c); which != std::string_view::npos) {
      to += meant[which];
      at_ += 2;
      return {};
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c == '\n') {
      at_ += 2;
      return {};
    }
    if (digits == 0) {  // not an escape: the backslash stays
      to += '\\';
      ++at_;
      return {};
    }
    char32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const std::size_t place = at_ + 2 + i;
      const char digit = place < source_.size() ? source_[place] : '\0';
      const std::string_view hex = "0123456789abcdef";
      const std::size_t value =
          hex.find(digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + 32) : digit);
      if (value == std::string_view::npos) return fail(wrong("a broken escape in a string"));
      code = code << 4 | static_cast<char32_t>(value);
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      return fail(wrong("an escape that is no character"));
    append_utf8(to, code);
    at_ += 2 + digits;
    return {};
  }

  std::string source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Word> words_;
};

}  // namespace

Result<std::vector<Word>> split_template(std::string_view source) {
  return Lexer(source).split();
}

}  // namespace attest::inference::templates
