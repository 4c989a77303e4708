#include <algorithm>

#include "inference/template/template_functions.h"
#include "inference/template/template_texts.h"
#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

Result<Value> text_method(const std::string& text, std::string_view name,
                          const Arguments& arguments, Work& work) {
  TRY_VOID(work.spend(text.size()));
  if (auto plain = name == "escape" ? std::nullopt : text_filter(name, text))
    return Value(std::move(*plain));
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value* characters = arguments.find(0, "chars");
    if (characters && !characters->is_none() && !characters->text())
      return fail(wrong_value("strip takes a text"));
    return Value(stripped(text, characters ? characters->text() : nullptr, name != "rstrip",
                          name != "lstrip"));
  }
  if (name == "startswith" || name == "endswith") {
    const Value* what = arguments.find(0, "prefix");
    const auto fits = [&](const Value& each) {
      return each.text() &&
             (name == "startswith" ? text.starts_with(*each.text()) : text.ends_with(*each.text()));
    };
    if (what && what->list()) return Value(std::ranges::any_of(*what->list(), fits));
    if (!what || !what->text()) return fail(wrong_value("startswith and endswith take a text"));
    return Value(fits(*what));
  }
  if (name == "split" || name == "rsplit") {
    const Value* separator = arguments.find(0, "sep");
    const bool plain = !separator || separator->is_none();
    if (!plain && (!separator->text() || separator->text()->empty()))
      return fail(wrong_value("a separator must be a text, and not empty"));
    TRY(const std::int64_t most, integer_or(arguments, 1, "maxsplit", -1));
    if (name == "rsplit" && !plain) return Value(split_from_right(text, *separator->text(), most));
    return Value(split(text, plain ? nullptr : separator->text(), most));
  }
  if (name == "splitlines") {
    List lines;
    for (const std::string_view line : attest::split(text, '\n')) lines.emplace_back(line);
    if (text.empty() || text.ends_with('\n')) lines.pop_back();
    return Value(std::move(lines));
  }
  if (name == "replace") {
    TRY(const std::string from, text_argument(arguments, 0, "old"));
    TRY(const std::string to, text_argument(arguments, 1, "new"));
    TRY(const std::int64_t count, integer_or(arguments, 2, "count", -1));
    TRY(std::string out, replaced(text, from, to, count, work));
    return Value(std::move(out));
  }
  if (name == "find" || name == "count" || name == "removeprefix" || name == "removesuffix") {
    TRY(const std::string part, text_argument(arguments, 0, "sub"));
    if (name == "removeprefix")
      return Value(text.starts_with(part) ? text.substr(part.size()) : text);
    if (name == "removesuffix")
      return Value(text.ends_with(part) ? text.substr(0, text.size() - part.size()) : text);
    std::int64_t times = 0;
    std::size_t at = text.find(part);
    if (name == "find")
      return Value(at == std::string::npos
                       ? std::int64_t{-1}
                       : static_cast<std::int64_t>(characters_of(text.substr(0, at)).size()));
    if (part.empty()) return fail(wrong_value("count of an empty text"));
    for (; at != std::string::npos; at = text.find(part, at + part.size())) ++times;
    return Value(times);
  }
  if (name == "join") {
    Arguments how{{Value(text)}, {}};
    const Value* items = arguments.find(0, "iterable");
    if (!items) return fail(wrong_value("join takes a list"));
    return apply_filter(name, *items, how, work);
  }
  if (name == "isdigit" || name == "isspace" || name == "isalpha") {
    const auto characters = to_characters(text);
    return Value(!characters.empty() && std::ranges::all_of(characters, [name](char32_t c) {
      return name == "isdigit"   ? is_in(set_of(Category::nd), c)
             : name == "isspace" ? is_space(c)
                                 : is_in(categories::letter, c);
    }));
  }
  return fail(wrong_value("a method that texts have not got here").found(printable(name, 40)));
}

Result<Value> dictionary_method(const Dictionary& dictionary, std::string_view name,
                                const Arguments& arguments) {
  if (name == "get") {
    TRY(const std::string key, text_argument(arguments, 0, "key"));
    if (const Value* found = dictionary.find(key)) return *found;
    const Value* absent = arguments.find(1, "default");
    return absent ? *absent : Value(None{});
  }
  if (name == "copy") return Value(dictionary);
  List out;
  for (const auto& [key, value] : dictionary.entries) {
    if (name == "keys") {
      out.emplace_back(key);
    } else if (name == "values") {
      out.push_back(value);
    } else {
      out.emplace_back(List{Value(key), value});
    }
  }
  return Value(std::move(out));
}

constexpr std::string_view text_methods[] = {
    "upper",      "lower",    "title",        "capitalize",   "strip",   "lstrip",  "rstrip",
    "startswith", "endswith", "split",        "rsplit",       "replace", "find",    "count",
    "splitlines", "join",     "removeprefix", "removesuffix", "isdigit", "isspace", "isalpha"};
constexpr std::string_view dictionary_methods[] = {"items", "keys", "values", "get", "copy"};

}  // namespace

bool has_method(const Value& value, std::string_view name) {
  if (value.text()) return std::ranges::count(text_methods, name) != 0;
  if (value.dictionary()) return std::ranges::count(dictionary_methods, name) != 0;
  if (value.get<std::shared_ptr<const Loop>>()) return name == "cycle";
  return false;
}

Result<Value> call_method(const Value& value, std::string_view name, const Arguments& arguments,
                          Work& work) {
  if (const auto* text = value.text()) return text_method(*text, name, arguments, work);
  if (const auto* dictionary = value.dictionary()) {
    TRY_VOID(work.spend(dictionary->entries.size()));
    return dictionary_method(*dictionary, name, arguments);
  }
  if (const auto* loop = value.get<std::shared_ptr<const Loop>>();
      loop && name == "cycle" && !arguments.positional.empty())
    return arguments.positional[(*loop)->index % arguments.positional.size()];
  return fail(wrong_value("a method that this value has not got").found(printable(name, 40)));
}

}  // namespace attest::inference::templates
