#include "inference/template/template_texts.h"

#include <algorithm>

#include "inference/template/template_syntax.h"
#include "inference/text/unicode.h"

namespace attest::inference::templates {

namespace {

// Python's idea of white space in texts has four control characters more than Unicode's.
bool is_white(std::string_view character) {
  const char32_t c = to_characters(character).front();
  return is_space(c) || (c >= 0x1c && c <= 0x1f);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (c == '"') {
      out += "&#34;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string stripped(std::string_view text, const std::string* characters, bool left, bool right) {
  const auto taken = [&](std::string_view character) {
    return characters ? characters->find(character) != std::string::npos : is_white(character);
  };
  const auto all = characters_of(text);
  std::size_t from = 0;
  std::size_t to = all.size();
  while (left && from < to && taken(all[from])) ++from;
  while (right && to > from && taken(all[to - 1])) --to;
  std::string out;
  for (std::size_t i = from; i < to; ++i) out += all[i];
  return out;
}

std::string small(std::string_view text) {
  std::string out;
  for (const char32_t c : to_characters(text)) append_utf8(out, to_small(c));
  return out;
}
std::string capital(std::string_view text) {
  std::string out;
  for (const char32_t c : to_characters(text)) append_utf8(out, to_capital(c));
  return out;
}
std::string title(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const char32_t c : to_characters(text)) {
    const bool letter = is_in(categories::letter, c);
    append_utf8(out, letter && !inside ? to_capital(c) : to_small(c));
    inside = letter;
  }
  return out;
}
std::string capitalized(std::string_view text) {
  const auto characters = characters_of(text);
  if (characters.empty()) return {};
  return capital(characters.front()) + small(text.substr(characters.front().size()));
}

Result<std::string> replaced(const std::string& text, const std::string& from,
                             const std::string& to, std::int64_t count, Work& work) {
  std::string out;
  if (from.empty()) return fail(wrong_value("replace of an empty text"));
  std::size_t at = 0;
  for (std::size_t found = text.find(from); found != std::string::npos && count != 0;
       found = text.find(from, at), --count) {
    TRY_VOID(work.spend(to.size()));
    out.append(text, at, found - at).append(to);
    at = found + from.size();
  }
  return out.append(text, at);
}

List split(const std::string& text, const std::string* separator, std::int64_t most) {
  List parts;
  if (!separator) {
    std::string part;
    const auto characters = characters_of(text);
    for (std::size_t i = 0; i < characters.size(); ++i) {
      if (!is_white(characters[i])) {
        if (part.empty() && most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
          std::string rest;
          for (; i < characters.size(); ++i) rest += characters[i];
          parts.emplace_back(stripped(rest, nullptr, false, true));
          return parts;
        }
        part += characters[i];
      } else if (!part.empty()) {
        parts.emplace_back(std::exchange(part, {}));
      }
    }
    if (!part.empty()) parts.emplace_back(std::move(part));
    return parts;
  }
  std::size_t at = 0;
  for (std::size_t found = text.find(*separator);
       found != std::string::npos && (most < 0 || static_cast<std::int64_t>(parts.size()) < most);
       found = text.find(*separator, at)) {
    parts.emplace_back(text.substr(at, found - at));
    at = found + separator->size();
  }
  parts.emplace_back(text.substr(at));
  return parts;
}

List split_from_right(const std::string& text, const std::string& separator, std::int64_t most) {
  List parts;
  std::size_t end = text.size();
  while (most < 0 || static_cast<std::int64_t>(parts.size()) < most) {
    if (end < separator.size()) break;
    const std::size_t found = text.rfind(separator, end - separator.size());
    if (found == std::string::npos) break;
    parts.insert(parts.begin(),
                 Value(text.substr(found + separator.size(), end - found - separator.size())));
    end = found;
  }
  parts.insert(parts.begin(), Value(text.substr(0, end)));
  return parts;
}

std::optional<std::string> text_filter(std::string_view name, const std::string& text) {
  if (name == "upper") return capital(text);
  if (name == "lower") return small(text);
  if (name == "title") return title(text);
  if (name == "capitalize") return capitalized(text);
  if (name == "escape" || name == "e") return escaped(text);
  if (name == "string" || name == "safe") return text;
  return std::nullopt;
}

}  // namespace attest::inference::templates
