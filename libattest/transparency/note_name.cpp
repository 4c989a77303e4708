#include "libattest/transparency/note_name.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::transparency {

bool is_note_name(std::string_view name) {
  if (name.empty() || !is_utf8(name)) return false;
  const auto forbidden = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == '+';
  };
  if (std::ranges::any_of(name, forbidden)) return false;
  // White_Space of the Unicode character database above U+007F.
  static constexpr std::string_view spaces[] = {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001",
                                                "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                                                "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
                                                "\u2029", "\u202f", "\u205f", "\u3000"};
  return std::ranges::none_of(
      spaces, [&](std::string_view space) { return name.find(space) != name.npos; });
}

}  // namespace attest::transparency
