#include "inference/template/template_functions.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "inference/template/template_syntax.h"
#include "inference/template/template_texts.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

constexpr std::size_t longest_range = 100'000;

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

bool has_function(std::string_view name) {
  return std::ranges::count(functions, name) != 0;
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
