#include "inference/text/word_pieces.h"

#include <algorithm>

#include "inference/text/tokenizer.h"
#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr std::string_view word_start = "\xe2\x96\x81";  // U+2581
constexpr std::size_t longest_word = 100;                // characters; a longer one is unknown

// The ideographs that BERT sets apart: its extension E begins at U+2B920, and so it stays.
bool is_ideograph(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool is_sign(char32_t c) {
  return is_in(categories::punctuation, c) || (c < 0x80 && is_in(categories::symbol, c));
}

// BERT leaves out everything of the categories C…, but for the spaces among them; unassigned
// characters stay.
bool is_left_out(char32_t c) {
  using enum Category;
  return c == 0 || c == 0xfffd || (!is_space(c) && is_in(set_of(cc, cf, cs, co), c));
}

std::vector<std::u32string> words_of(std::string_view text, WordPieceCleaning cleaning) {
  std::vector<std::u32string> words(1);
  const auto end_word = [&words] {
    if (!words.back().empty()) words.emplace_back();
  };
  std::u32string bare;
  for (const char32_t character : to_characters(text)) {
    if (is_left_out(character)) continue;
    if (is_space(character)) {
      end_word();
      continue;
    }
    bare.clear();
    if (cleaning.strip_accents) {
      append_bare(character, bare);
    } else {
      bare += character;
    }
    const bool apart = is_ideograph(character);
    for (const char32_t each : bare) {
      const char32_t c = cleaning.small_letters ? to_small(each) : each;
      const bool alone = apart || is_sign(c);
      if (alone) end_word();
      words.back() += c;
      if (alone) end_word();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// take_word gives false, and adds nothing, where some part of the word is no token.
bool take_word(const Vocabulary& vocabulary, const std::u32string& word, std::vector<Token>& to) {
  if (word.size() > longest_word) return false;
  std::string text(word_start);
  std::vector<std::size_t> borders{0};  // where a piece may end: behind each character
  for (const char32_t character : word) {
    append_utf8(text, character);
    borders.push_back(text.size());
  }
  const std::size_t before = to.size();
  for (std::size_t from = 0; from + 1 < borders.size();) {
    std::size_t end = borders.size() - 1;
    std::optional<Token> token;
    for (; end > from && !token; --end) {
      const std::size_t length = borders[end] - borders[from];
      if (length <= vocabulary.longest_text())
        token = vocabulary.find(std::string_view(text).substr(borders[from], length));
    }
    if (!token) {
      to.resize(before);
      return false;
    }
    to.push_back(*token);
    from = end + 1;
  }
  return true;
}

}  // namespace

Status append_word_pieces(const Vocabulary& vocabulary, WordPieceCleaning cleaning,
                          std::string_view text, std::vector<Token>& to) {
  for (const std::u32string& word : words_of(text, cleaning)) {
    if (take_word(vocabulary, word, to)) continue;
    if (!vocabulary.unknown())
      return fail(refused(rules::tokenizer_text, "the vocabulary has no token for this text"));
    to.push_back(*vocabulary.unknown());
  }
  return {};
}

}  // namespace attest::inference
