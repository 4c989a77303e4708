#include <algorithm>
#include <array>
#include <cmath>

#include "inference/template/template_functions.h"
#include "inference/template/template_syntax.h"
#include "inference/template/template_texts.h"
#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

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

}  // namespace

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

}  // namespace attest::inference::templates
