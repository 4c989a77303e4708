// Texts as Python and Jinja change them: what filters and methods of texts share. All are pure;
// characters are Unicode's, never bytes.
#pragma once

#include <optional>

#include "inference/template/template_functions.h"

namespace attest::inference::templates {

// stripped takes white space, or the characters given, off either end.
std::string stripped(std::string_view text, const std::string* characters, bool left, bool right);
std::string small(std::string_view text);
std::string capital(std::string_view text);
// title writes each word's first letter large, capitalized the text's first.
std::string title(std::string_view text);
std::string capitalized(std::string_view text);

// replaced puts `to` in the place of the first `count` of `from`, of all where it is negative.
// Refuses an empty `from`, and more than `work` allows.
Result<std::string> replaced(const std::string& text, const std::string& from,
                             const std::string& to, std::int64_t count, Work& work);

// split cuts at white space, or at a separator that is not empty, at most `most` times where that
// is not negative; split_from_right likewise from the end.
List split(const std::string& text, const std::string* separator, std::int64_t most);
List split_from_right(const std::string& text, const std::string& separator, std::int64_t most);

// text_filter applies a filter of one text; nothing for a name that is none of them.
std::optional<std::string> text_filter(std::string_view name, const std::string& text);

}  // namespace attest::inference::templates
