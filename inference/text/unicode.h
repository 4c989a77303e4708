// What tokenizers ask of Unicode, from tables in the source (unicode_tables.inc says which
// version), so that a text has the same tokens on every machine. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attest::inference {

// Category is the general category of a character, Unicode Standard section 4.5.
enum class Category : std::uint8_t {
  cn,
  lu,
  ll,
  lt,
  lm,
  lo,
  mn,
  mc,
  me,
  nd,
  nl,
  no,
  pc,
  pd,
  ps,
  pe,
  pi,
  pf,
  po,
  sm,
  sc,
  sk,
  so,
  zs,
  zl,
  zp,
  cc,
  cf,
  cs,
  co,
};

// CategorySet has one bit a category.
using CategorySet = std::uint32_t;
constexpr CategorySet set_of(Category category) {
  return CategorySet{1} << static_cast<unsigned>(category);
}
template <typename... More>
constexpr CategorySet set_of(Category first, More... more) {
  return set_of(first) | set_of(more...);
}
namespace categories {
using enum Category;
inline constexpr CategorySet letter = set_of(lu, ll, lt, lm, lo);
inline constexpr CategorySet mark = set_of(mn, mc, me);
inline constexpr CategorySet number = set_of(nd, nl, no);
inline constexpr CategorySet punctuation = set_of(pc, pd, ps, pe, pi, pf, po);
inline constexpr CategorySet symbol = set_of(sm, sc, sk, so);
inline constexpr CategorySet separator = set_of(zs, zl, zp);
inline constexpr CategorySet other = set_of(cc, cf, cs, co, cn);
}  // namespace categories

Category category_of(char32_t character);
inline bool is_in(CategorySet set, char32_t character) {
  return (set & set_of(category_of(character))) != 0;
}
// is_space is the property White_Space.
bool is_space(char32_t character);
// is_han is what the tokenizers of Chinese models call Han: the unified and the compatibility
// ideographs.
bool is_han(char32_t character);
// to_small gives the small letter of a letter, and every other character as it is.
char32_t to_small(char32_t character);
// to_capital is the other way about; of several the lowest.
char32_t to_capital(char32_t character);
// append_bare adds the canonical decomposition of a character without its nonspacing marks, which
// may be nothing.
void append_bare(char32_t character, std::u32string& to);

// to_characters takes well-formed UTF-8.
std::u32string to_characters(std::string_view utf8);
void append_utf8(std::string& to, char32_t character);

}  // namespace attest::inference
