#include "inference/text/unicode.h"

#include <algorithm>
#include <iterator>

namespace attest::inference {

namespace {

struct CategoryStart {
  std::uint32_t first;
  std::uint8_t category;  // as the enumerators of Category are counted
};
// Every `step`th character from `first` to `last` has a small letter `distance` behind it.
struct SmallLetters {
  std::uint32_t first, last, step;
  std::int32_t distance;
};
struct BareCharacter {
  std::uint32_t character;
  std::uint32_t bare[3];  // up to the first zero
};

#include "inference/text/unicode_tables.inc"

constexpr char32_t last_of_table = 0x3ff;

// Most texts stay below this border: there a category is one look.
struct FirstCategories {
  std::uint8_t of[last_of_table + 1]{};
  constexpr FirstCategories() {
    std::size_t row = 0;
    for (std::uint32_t code = 0; code <= last_of_table; ++code) {
      while (row + 1 < std::size(category_starts) && category_starts[row + 1].first <= code) ++row;
      of[code] = category_starts[row].category;
    }
  }
};
constexpr FirstCategories first_categories;

constexpr char32_t hangul_first = 0xac00;
constexpr char32_t hangul_last = 0xd7a3;

// The Unicode Standard, section 3.12: a Hangul syllable is two or three letters, by arithmetic.
void append_hangul(char32_t syllable, std::u32string& to) {
  constexpr char32_t vowels = 21;
  constexpr char32_t tails = 28;
  const char32_t index = syllable - hangul_first;
  to += 0x1100 + index / (vowels * tails);
  to += 0x1161 + index % (vowels * tails) / tails;
  if (index % tails != 0) to += 0x11a7 + index % tails;
}

}  // namespace

Category category_of(char32_t character) {
  if (character <= last_of_table) return static_cast<Category>(first_categories.of[character]);
  const auto* behind = std::ranges::upper_bound(category_starts, std::uint32_t{character}, {},
                                                &CategoryStart::first);
  return static_cast<Category>(std::prev(behind)->category);
}

bool is_space(char32_t character) {
  if (character < 0x80) return character == ' ' || (character >= '\t' && character <= '\r');
  return character == 0x85 || is_in(categories::separator, character);
}

bool is_han(char32_t character) {
  constexpr std::pair<char32_t, char32_t> ranges[] = {
      {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},
      {0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f},
      {0x2b820, 0x2ceaf}, {0x2ceb0, 0x2ebef}, {0x2f800, 0x2fa1f}};
  return std::ranges::any_of(ranges, [character](const auto& range) {
    return character >= range.first && character <= range.second;
  });
}

char32_t to_small(char32_t character) {
  if (character < 0x80)
    return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
  const auto* behind =
      std::ranges::upper_bound(small_letters, std::uint32_t{character}, {}, &SmallLetters::first);
  const SmallLetters& run = *std::prev(behind);
  if (character > run.last || (character - run.first) % run.step != 0) return character;
  return static_cast<char32_t>(static_cast<std::int32_t>(character) + run.distance);
}

char32_t to_capital(char32_t character) {
  if (character < 0x80)
    return character >= 'a' && character <= 'z' ? character - ('a' - 'A') : character;
  if (!is_in(categories::letter, character)) return character;
  for (const SmallLetters& run : small_letters) {
    const auto capital = static_cast<char32_t>(static_cast<std::int32_t>(character) - run.distance);
    if (capital >= run.first && capital <= run.last && (capital - run.first) % run.step == 0)
      return capital;
  }
  return character;
}

void append_bare(char32_t character, std::u32string& to) {
  if (character >= hangul_first && character <= hangul_last) return append_hangul(character, to);
  const auto* found = std::ranges::lower_bound(bare_characters, std::uint32_t{character}, {},
                                               &BareCharacter::character);
  if (found != std::end(bare_characters) && found->character == character) {
    for (const std::uint32_t bare : found->bare)
      if (bare != 0) to += static_cast<char32_t>(bare);
  } else if (category_of(character) != Category::mn) {
    to += character;
  }
}

std::u32string to_characters(std::string_view utf8) {
  std::u32string characters;
  characters.reserve(utf8.size());
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t character = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length && at + i < utf8.size(); ++i)
      character = character << 6 | (static_cast<unsigned char>(utf8[at + i]) & 0x3fU);
    characters += character;
    at += length;
  }
  return characters;
}

void append_utf8(std::string& to, char32_t character) {
  const auto byte = [&to](char32_t value) { to += static_cast<char>(value); };
  if (character < 0x80) {
    byte(character);
  } else if (character < 0x800) {
    byte(0xc0 | character >> 6);
    byte(0x80 | (character & 0x3f));
  } else if (character < 0x10000) {
    byte(0xe0 | character >> 12);
    byte(0x80 | (character >> 6 & 0x3f));
    byte(0x80 | (character & 0x3f));
  } else {
    byte(0xf0 | character >> 18);
    byte(0x80 | (character >> 12 & 0x3f));
    byte(0x80 | (character >> 6 & 0x3f));
    byte(0x80 | (character & 0x3f));
  }
}

}  // namespace attest::inference
