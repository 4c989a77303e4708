#include "inference/template/template_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "inference/template/template_syntax.h"
#include "inference/template/template_texts.h"
#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

constexpr std::size_t longest_range = 100'000;

Result<std::string> text_argument(const Arguments& arguments, std::size_t place,
                                  std::string_view name) {
  const Value* value = arguments.find(place, name);
  if (!value || !value->text()) return fail(wrong_value("an argument must be a text").within(name));
  return *value->text();
}

Result<std::int64_t> integer_or(const Arguments& arguments, std::size_t place,
                                std::string_view name, std::int64_t absent) {
  const Value* value = arguments.find(place, name);
  if (!value || value->is_none()) return absent;
  const auto number = value->integer();
  if (!number) return fail(wrong_value("an argument must be an integer").within(name));
  return *number;
}

bool truth_or(const Arguments& arguments, std::size_t place, std::string_view name, bool absent) {
  const Value* value = arguments.find(place, name);
  return value ? value->truth() : absent;
}

Result<Value> length_of(const Value& value) {
  if (const auto* text = value.text())
    return Value(static_cast<std::int64_t>(characters_of(*text).size()));
  if (const auto* dictionary = value.dictionary())
    return Value(static_cast<std::int64_t>(dictionary->entries.size()));
  TRY(const auto items, items_of(value));
  return Value(static_cast<std::int64_t>(items->size()));
}

// attribute_of follows "a.b.0", as filters with an attribute do.
Result<Value> attribute_of(const Value& value, const Value& path) {
  if (path.integer()) return item_of(value, path);
  if (!path.text()) return fail(wrong_value("an attribute must be a text or an integer"));
  Value at = value;
  for (const std::string_view part : attest::split(*path.text(), '.')) {
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    TRY(at, item_of(at, number && part.size() < 10
                            ? Value(static_cast<std::int64_t>(std::stoll(std::string(part))))
                            : Value(part)));
  }
  return at;
}

// ---- filters over lists

// select, reject, selectattr, rejectattr: those that a test holds for, or does not.
Result<Value> selected(const Value& value, const Arguments& arguments, bool by_attribute,
                       bool wanted) {
  TRY(const auto items, items_of(value));
  Arguments rest{arguments.positional, {}};
  const std::size_t skipped = by_attribute ? 1 : 0;
  if (rest.positional.size() < skipped) return fail(wrong_value("an attribute's name is missing"));
  const Value attribute = by_attribute ? rest.positional.front() : Value();
  std::optional<std::string> test;
  if (rest.positional.size() > skipped) {
    const auto* name = rest.positional[skipped].text();
    if (!name) return fail(wrong_value("a test must be named by a text"));
    test = *name;
  }
  rest.positional.erase(
      rest.positional.begin(),
      rest.positional.begin() + static_cast<std::ptrdiff_t>(skipped + (test ? 1 : 0)));
  List out;
  for (const Value& item : *items) {
    Value judged = item;
    if (by_attribute) {
      TRY(judged, attribute_of(item, attribute));
    }
    bool holds = judged.truth();
    if (test) {
      TRY(holds, apply_test(*test, judged, rest));
    }
    if (holds == wanted) out.push_back(item);
  }
  return Value(std::move(out));
}

Result<Value> mapped(const Value& value, const Arguments& arguments, Work& work) {
  TRY(const auto items, items_of(value));
  const Value* attribute = arguments.find(static_cast<std::size_t>(-1), "attribute");
  const Value* absent = arguments.find(static_cast<std::size_t>(-1), "default");
  Arguments rest = arguments;
  std::string filter;
  if (!attribute) {
    TRY(filter, text_argument(arguments, 0, "filter"));
    rest.positional.erase(rest.positional.begin());
  }
  List out;
  for (const Value& item : *items) {
    TRY_VOID(work.spend(1));
    if (attribute) {
      TRY(Value found, attribute_of(item, *attribute));
      out.push_back(found.is_undefined() && absent ? *absent : found);
    } else {
      TRY(Value made, apply_filter(filter, item, rest, work));
      out.push_back(std::move(made));
    }
  }
  return Value(std::move(out));
}

// Texts are compared without their case unless a filter is told otherwise.
Value sort_key(const Value& value, bool case_sensitive) {
  return value.text() && !case_sensitive ? Value(small(*value.text())) : value;
}

Result<Value> sorted(const Value& value, const Arguments& arguments, Work& work) {
  TRY(const auto items, items_of(value));
  const bool reverse = truth_or(arguments, 0, "reverse", false);
  const bool case_sensitive = truth_or(arguments, 1, "case_sensitive", false);
  const Value* attribute = arguments.find(2, "attribute");
  using Keyed = std::pair<Value, Value>;
  std::vector<Keyed> keyed;
  for (const Value& item : *items) {
    TRY_VOID(work.spend(keyed.size()));
    Value key = item;
    if (attribute && !attribute->is_none()) {
      TRY(key, attribute_of(item, *attribute));
    }
    key = sort_key(key, case_sensitive);
    if (!keyed.empty() && !less(keyed.front().first, key))
      return fail(wrong_value("values of different kinds cannot be sorted"));
    // Each behind its equals: no order that values can have, not even that of NaN, does harm here.
    const auto place = std::ranges::upper_bound(
        keyed, key,
        [reverse](const Value& a, const Value& b) {
          return (reverse ? less(b, a) : less(a, b)).value_or(false);
        },
        &Keyed::first);
    keyed.insert(place, {std::move(key), item});
  }
  List out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value(std::move(out));
}

Result<Value> extreme(const Value& value, bool greatest) {
  TRY(const auto items, items_of(value));
  if (items->empty()) return Value();
  Value best = items->front();
  for (const Value& item : *items) {
    const auto smaller = greatest ? less(sort_key(best, false), sort_key(item, false))
                                  : less(sort_key(item, false), sort_key(best, false));
    if (!smaller) return fail(wrong_value("values of different kinds cannot be compared"));
    if (*smaller) best = item;
  }
  return best;
}

Result<Value> unique(const Value& value, Work& work) {
  TRY(const auto items, items_of(value));
  List out;
  for (const Value& item : *items) {
    TRY_VOID(work.spend(out.size()));
    if (std::ranges::none_of(
            out, [&](const Value& kept) { return sort_key(kept, false) == sort_key(item, false); }))
      out.push_back(item);
  }
  return Value(std::move(out));
}

Result<Value> joined(const Value& value, const Arguments& arguments, Work& work) {
  TRY(const auto items, items_of(value));
  const Value* between = arguments.find(0, "d");
  const Value* attribute = arguments.find(1, "attribute");
  std::string out;
  for (std::size_t i = 0; i < items->size(); ++i) {
    Value item = (*items)[i];
    if (attribute) {
      TRY(item, attribute_of(item, *attribute));
    }
    const std::string part = (i != 0 && between ? between->to_text() : "") + item.to_text();
    TRY_VOID(work.spend(part.size()));
    out += part;
  }
  return Value(std::move(out));
}

Result<Value> summed(const Value& value, const Arguments& arguments) {
  TRY(const auto items, items_of(value));
  const Value* attribute = arguments.find(0, "attribute");
  double real = 0;
  std::int64_t whole = 0;
  bool all_whole = true;
  for (Value item : *items) {
    if (attribute && !attribute->is_none()) {
      TRY(item, attribute_of(item, *attribute));
    }
    if (!item.number()) return fail(wrong_value("a sum is of numbers"));
    all_whole = all_whole && item.integer();
    real += *item.number();
    if (all_whole && __builtin_add_overflow(whole, *item.integer(), &whole))
      return fail(wrong_value("an integer beyond 64 bits"));
  }
  return all_whole ? Value(whole) : Value(real);
}

Result<Value> dictionary_sorted(const Value& value, const Arguments& arguments, Work& work) {
  const auto* dictionary = value.dictionary();
  if (!dictionary) return fail(wrong_value("dictsort is for dictionaries"));
  const bool by_value = arguments.find(1, "by") && *arguments.find(1, "by") == Value("value");
  const bool case_sensitive = truth_or(arguments, 0, "case_sensitive", false);
  List pairs;
  for (const auto& [key, each] : dictionary->entries) pairs.emplace_back(List{Value(key), each});
  Arguments how;
  how.named = {{"attribute", Value(std::int64_t{by_value ? 1 : 0})},
               {"case_sensitive", Value(case_sensitive)},
               {"reverse", Value(truth_or(arguments, 2, "reverse", false))}};
  return sorted(Value(std::move(pairs)), how, work);
}

Result<Value> indented(const std::string& text, const Arguments& arguments, Work& work) {
  const Value* width = arguments.find(0, "width");
  std::string space(4, ' ');
  if (width && width->text()) {
    space = *width->text();
  } else {
    TRY(const std::int64_t columns, integer_or(arguments, 0, "width", 4));
    if (columns < 0 || columns > 1000) return fail(wrong_value("an indent beyond 1,000 columns"));
    space.assign(static_cast<std::size_t>(columns), ' ');
  }
  const bool first = truth_or(arguments, 1, "first", false);
  const bool blank = truth_or(arguments, 2, "blank", false);
  std::string out;
  std::size_t number = 0;
  for (const std::string_view line : attest::split(text, '\n')) {
    TRY_VOID(work.spend(space.size() + line.size()));
    if (number != 0) out += '\n';
    if ((number != 0 || first) && (blank || !line.empty() || (number == 0 && first))) out += space;
    out += line;
    ++number;
  }
  return Value(std::move(out));
}

Result<Value> rounded(const Value& value, const Arguments& arguments) {
  const auto number = value.number();
  if (!number) return fail(wrong_value("round is for numbers"));
  TRY(const std::int64_t places, integer_or(arguments, 0, "precision", 0));
  if (places < 0 || places > 15) return fail(wrong_value("round to 0 to 15 places"));
  const double scale = std::pow(10.0, static_cast<double>(places));
  const Value* method = arguments.find(1, "method");
  if (method && *method == Value("ceil")) return Value(std::ceil(*number * scale) / scale);
  if (method && *method == Value("floor")) return Value(std::floor(*number * scale) / scale);
  return Value(std::nearbyint(*number * scale) / scale);
}

Result<Value> to_integer(const Value& value, const Arguments& arguments) {
  TRY(const std::int64_t absent, integer_or(arguments, 0, "default", 0));
  if (const auto whole = value.integer()) return Value(*whole);
  if (const auto number = value.number(); number && std::fabs(*number) < 9e18)
    return Value(static_cast<std::int64_t>(*number));
  if (const auto* text = value.text()) {
    const std::string digits = stripped(*text, nullptr, true, true);
    char* end = nullptr;
    errno = 0;
    const long long number = std::strtoll(digits.c_str(), &end, 10);
    if (!digits.empty() && *end == '\0' && errno == 0)
      return Value(static_cast<std::int64_t>(number));
    const double real = std::strtod(digits.c_str(), &end);
    if (!digits.empty() && *end == '\0' && std::fabs(real) < 9e18)
      return Value(static_cast<std::int64_t>(real));
  }
  return Value(absent);
}

Result<Value> to_real(const Value& value) {
  if (const auto number = value.number()) return Value(*number);
  if (const auto* text = value.text()) {
    const std::string digits = stripped(*text, nullptr, true, true);
    char* end = nullptr;
    const double real = std::strtod(digits.c_str(), &end);
    if (!digits.empty() && *end == '\0') return Value(real);
  }
  return Value(0.0);
}

Result<Value> to_json_filter(const Value& value, const Arguments& arguments, Work& work) {
  JsonForm form;
  if (const Value* given = arguments.find(1, "indent"); given && !given->is_none()) {
    const auto columns = given->integer();
    if (!columns || *columns < 0 || *columns > 32)
      return fail(wrong_value("tojson indents by 0 to 32 columns"));
    form.indent = static_cast<std::size_t>(*columns);
    form.between_items = ",";
  }
  if (const Value* given = arguments.find(2, "separators"); given && !given->is_none()) {
    const List* two = given->list();
    if (!two || two->size() != 2 || !two->front().text() || !two->back().text())
      return fail(wrong_value("separators are two texts"));
    form.between_items = *two->front().text();
    form.behind_keys = *two->back().text();
    TRY_VOID(work.spend(value.weight() * (form.between_items.size() + form.behind_keys.size())));
  }
  auto text = to_json_text(value, form);
  if (!text)
    return fail(wrong_value("a value that JSON has not got").found(std::string(value.kind())));
  TRY_VOID(work.spend(text->size()));
  return Value(std::move(*text));
}

Result<Value> list_filter(std::string_view name, const Value& value, const Arguments& arguments,
                          Work& work) {
  if (name == "select" || name == "reject")
    return selected(value, arguments, false, name == "select");
  if (name == "selectattr" || name == "rejectattr")
    return selected(value, arguments, true, name == "selectattr");
  if (name == "map") return mapped(value, arguments, work);
  if (name == "sort") return sorted(value, arguments, work);
  if (name == "min" || name == "max") return extreme(value, name == "max");
  if (name == "unique") return unique(value, work);
  if (name == "join") return joined(value, arguments, work);
  if (name == "sum") return summed(value, arguments);
  if (name == "dictsort") return dictionary_sorted(value, arguments, work);
  if (name == "items") {
    if (value.is_undefined()) return Value(List{});
    return call_method(value, "items", {}, work);
  }
  TRY(const auto items, items_of(value));
  if (name == "list") return Value(items);
  if (name == "first") return items->empty() ? Value() : items->front();
  if (name == "last") return items->empty() ? Value() : items->back();
  if (name == "reverse") {
    List turned(items->rbegin(), items->rend());
    if (!value.text()) return Value(std::move(turned));
    return joined(Value(std::move(turned)), {}, work);
  }
  return fail(wrong_value("a filter that this runtime has not got").found(printable(name, 40)));
}

// ---- methods

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
    return joined(*items, how, work);
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
constexpr std::string_view functions[] = {"range", "namespace", "dict", "raise_exception",
                                          "strftime_now"};

Result<Value> range(const Arguments& arguments, Work& work) {
  TRY(const std::int64_t first, integer_or(arguments, 0, "start", 0));
  std::int64_t from = 0;
  std::int64_t to = first;
  if (arguments.positional.size() > 1) {
    from = first;
    TRY(to, integer_or(arguments, 1, "stop", 0));
  }
  TRY(const std::int64_t step, integer_or(arguments, 2, "step", 1));
  if (step == 0) return fail(wrong_value("a range with a step of 0"));
  List numbers;
  for (std::int64_t i = from; step > 0 ? i < to : i > to;) {
    if (numbers.size() == longest_range)
      return fail(refused(rules::template_limit, "a range of more than 100,000 numbers"));
    numbers.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  TRY_VOID(work.spend(numbers.size()));
  return Value(std::move(numbers));
}

Result<Value> time_text(const Arguments& arguments, Time now) {
  TRY(const std::string format, text_argument(arguments, 0, "format"));
  if (format.size() > 200) return fail(wrong_value("a format of more than 200 bytes"));
  const auto seconds = static_cast<std::time_t>(unix_seconds(now));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 2000> buffer{};
  const std::size_t size = std::strftime(buffer.data(), buffer.size(), format.c_str(), &parts);
  return Value(std::string(buffer.data(), size));
}

}  // namespace

const Value* Arguments::find(std::size_t place, std::string_view name) const {
  if (place < positional.size()) return &positional[place];
  for (const auto& [known, value] : named)
    if (known == name) return &value;
  return nullptr;
}

Status Work::spend(std::uint64_t units) {
  if (units > left_) {
    left_ = 0;
    return fail(refused(rules::template_limit, "the template does more than a template may"));
  }
  left_ -= units;
  return {};
}

Error wrong_value(std::string what) {
  return refused(rules::template_value, std::move(what));
}

Result<Value> apply_filter(std::string_view name, const Value& value, const Arguments& arguments,
                           Work& work) {
  if (name == "default" || name == "d") {
    const bool also_false = truth_or(arguments, 1, "boolean", false);
    const Value* absent = arguments.find(0, "default_value");
    const bool keep = also_false ? value.truth() : !value.is_undefined();
    return keep ? value : absent ? *absent : Value("");
  }
  if (name == "tojson") return to_json_filter(value, arguments, work);
  if (name == "length" || name == "count") return length_of(value);
  if (name == "int") return to_integer(value, arguments);
  if (name == "float") return to_real(value);
  if (name == "round") return rounded(value, arguments);
  if (name == "abs") {
    if (const auto whole = value.integer(); whole && *whole != INT64_MIN)
      return Value(*whole < 0 ? -*whole : *whole);
    if (const auto number = value.number()) return Value(std::fabs(*number));
    return fail(wrong_value("abs is for numbers"));
  }
  const std::string text = value.list() || value.dictionary() ? "" : value.to_text();
  TRY_VOID(work.spend(text.size()));
  if (name == "trim") {
    const Value* characters = arguments.find(0, "chars");
    return Value(stripped(value.to_text(), characters ? characters->text() : nullptr, true, true));
  }
  if (name == "replace") {
    TRY(const std::string from, text_argument(arguments, 0, "old"));
    TRY(const std::string to, text_argument(arguments, 1, "new"));
    TRY(const std::int64_t count, integer_or(arguments, 2, "count", -1));
    TRY(std::string out, replaced(value.to_text(), from, to, count, work));
    return Value(std::move(out));
  }
  if (name == "indent") return indented(value.to_text(), arguments, work);
  if (auto made = text_filter(name, value.list() || value.dictionary() ? value.to_text() : text))
    return Value(std::move(*made));
  return list_filter(name, value, arguments, work);
}

Result<bool> apply_test(std::string_view name, const Value& value, const Arguments& arguments) {
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "string") return value.text() != nullptr;
  if (name == "boolean") return value.get<bool>() != nullptr;
  if (name == "true" || name == "false")
    return value.get<bool>() && *value.get<bool>() == (name == "true");
  if (name == "integer") return value.get<std::int64_t>() != nullptr;
  if (name == "float") return value.get<double>() != nullptr;
  if (name == "number") return value.number().has_value();
  if (name == "mapping") return value.dictionary() != nullptr;
  if (name == "sequence" || name == "iterable")
    return value.list() || value.text() || value.dictionary() ||
           (name == "iterable" && value.is_undefined());
  if (name == "callable") return value.get<Macro>() || value.get<Function>() || value.get<Method>();
  if (name == "lower" || name == "upper") {
    const std::string text = value.to_text();
    return (name == "lower" ? small(text) : capital(text)) == text && small(text) != capital(text);
  }
  if (name == "odd" || name == "even") {
    if (!value.integer()) return fail(wrong_value("odd and even are for integers"));
    return (*value.integer() % 2 != 0) == (name == "odd");
  }
  const Value* other = arguments.find(0, "other");
  if (!other)
    return fail(wrong_value("a test that this runtime has not got, or one without its argument")
                    .found(printable(name, 40)));
  if (name == "equalto" || name == "eq" || name == "==") return value == *other;
  if (name == "ne" || name == "!=") return !(value == *other);
  if (name == "sameas") return value.kind() == other->kind() && value == *other;
  if (name == "in") return contains(*other, value);
  if (name == "divisibleby") {
    if (!value.integer() || !other->integer() || *other->integer() == 0 || *other->integer() == -1)
      return fail(wrong_value("divisibleby is for integers"));
    return *value.integer() % *other->integer() == 0;
  }
  const bool smaller =
      name == "lt" || name == "lessthan" || name == "<" || name == "ge" || name == ">=";
  const bool greater =
      name == "gt" || name == "greaterthan" || name == ">" || name == "le" || name == "<=";
  if (!smaller && !greater)
    return fail(wrong_value("a test that this runtime has not got").found(printable(name, 40)));
  const auto order = smaller ? less(value, *other) : less(*other, value);
  if (!order) return fail(wrong_value("values of different kinds cannot be compared"));
  const bool or_equal = name == "ge" || name == ">=" || name == "le" || name == "<=";
  return or_equal ? !*order : *order;
}

bool has_method(const Value& value, std::string_view name) {
  if (value.text()) return std::ranges::count(text_methods, name) != 0;
  if (value.dictionary()) return std::ranges::count(dictionary_methods, name) != 0;
  if (value.get<std::shared_ptr<const Loop>>()) return name == "cycle";
  return false;
}

bool has_function(std::string_view name) {
  return std::ranges::count(functions, name) != 0;
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

Result<Value> call_function(std::string_view name, const Arguments& arguments, Time now,
                            Work& work) {
  if (name == "range") return range(arguments, work);
  if (name == "strftime_now") return time_text(arguments, now);
  if (name == "raise_exception") {
    const Value* words = arguments.find(0, "message");
    return fail(refused(rules::template_raised, "the chat template refuses this conversation")
                    .found("\"" + printable(words ? words->to_text() : "") + "\""));
  }
  Dictionary made;
  for (const Value& each : arguments.positional) {
    if (!each.dictionary()) return fail(wrong_value("a dictionary is made of dictionaries"));
    for (const auto& [key, value] : each.dictionary()->entries) made.set(key, value);
  }
  for (const auto& [key, value] : arguments.named) made.set(key, value);
  if (name == "namespace") return Value(std::make_shared<Dictionary>(std::move(made)));
  return Value(std::move(made));
}

Result<Value> member_of(const Value& value, std::string_view name) {
  if (has_method(value, name))
    return Value(Method{std::make_shared<const Value>(value), std::string(name)});
  if (const auto* loop = value.get<std::shared_ptr<const Loop>>()) {
    const auto index = static_cast<std::int64_t>((*loop)->index);
    const auto size = static_cast<std::int64_t>((*loop)->items->size());
    if (name == "index0") return Value(index);
    if (name == "index") return Value(index + 1);
    if (name == "first") return Value(index == 0);
    if (name == "last") return Value(index + 1 == size);
    if (name == "length") return Value(size);
    if (name == "revindex") return Value(size - index);
    if (name == "revindex0") return Value(size - index - 1);
    if (name == "depth") return Value(static_cast<std::int64_t>((*loop)->depth));
    if (name == "depth0") return Value(static_cast<std::int64_t>((*loop)->depth) - 1);
    if (name == "previtem" && index > 0) return (*(*loop)->items)[(*loop)->index - 1];
    if (name == "nextitem" && index + 1 < size) return (*(*loop)->items)[(*loop)->index + 1];
    return Value(Undefined{std::string(name)});
  }
  return item_of(value, Value(name));
}

Result<Value> item_of(const Value& value, const Value& key) {
  if (const auto* undefined = value.get<Undefined>())
    return fail(wrong_value("the template looks into something that is not defined")
                    .found("\"" + printable(undefined->name, 60) + "\""));
  const Dictionary* entries = value.dictionary();
  if (const auto* space = value.get<std::shared_ptr<Dictionary>>()) entries = space->get();
  if (const auto* name = key.text()) {
    if (const Value* found = entries ? entries->find(*name) : nullptr) return *found;
    if (has_method(value, *name)) return Value(Method{std::make_shared<const Value>(value), *name});
    return Value(Undefined{*name});
  }
  const auto index = key.integer();
  if (!index) return Value(Undefined{key.to_text()});
  const auto at = [&](std::size_t size) -> std::optional<std::size_t> {
    const std::int64_t place = *index < 0 ? *index + static_cast<std::int64_t>(size) : *index;
    if (place < 0 || static_cast<std::size_t>(place) >= size) return std::nullopt;
    return static_cast<std::size_t>(place);
  };
  if (const auto* list = value.list()) {
    const auto place = at(list->size());
    return place ? (*list)[*place] : Value(Undefined{key.to_text()});
  }
  if (const auto* text = value.text()) {
    const auto characters = characters_of(*text);
    const auto place = at(characters.size());
    return place ? Value(characters[*place]) : Value(Undefined{key.to_text()});
  }
  return Value(Undefined{key.to_text()});
}

Result<std::shared_ptr<const List>> items_of(const Value& value) {
  if (const auto* list = value.get<std::shared_ptr<const List>>()) return *list;
  List items;
  if (const auto* text = value.text()) {
    for (const std::string_view character : characters_of(*text)) items.emplace_back(character);
  } else if (const auto* dictionary = value.dictionary()) {
    for (const auto& [key, each] : dictionary->entries) items.emplace_back(key);
  } else if (!value.is_undefined()) {
    return fail(wrong_value("a value that is no list").found(std::string(value.kind())));
  }
  return std::make_shared<const List>(std::move(items));
}

Result<bool> contains(const Value& value, const Value& item) {
  if (const auto* text = value.text()) {
    if (!item.text()) return fail(wrong_value("only a text can be in a text"));
    return text->find(*item.text()) != std::string::npos;
  }
  if (const auto* dictionary = value.dictionary())
    return item.text() && dictionary->find(*item.text()) != nullptr;
  TRY(const auto items, items_of(value));
  return std::ranges::any_of(*items, [&](const Value& each) { return each == item; });
}

}  // namespace attest::inference::templates
