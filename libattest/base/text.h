// Text rules that several formats share. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attest {

// is_utf8 accepts well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above
// U+10FFFF.
bool is_utf8(std::string_view text);

// split cuts at every `separator`; "a,,b" gives three parts and "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

// with_thousands writes 1204224 as "1,204,224".
std::string with_thousands(unsigned long long value);

// printable replaces control characters and broken UTF-8 by \xNN and cuts after `limit` bytes, so
// that untrusted text can be shown on a terminal.
std::string printable(std::string_view text, std::size_t limit = 200);

// matches_glob compares `text` with a pattern in which '*' stands for any run of characters and
// every other character for itself. Linear in both.
bool matches_glob(std::string_view pattern, std::string_view text);

// nearest gives the candidate within two edits of `word`, or an empty view: for "did you mean".
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace attest
