#include "libattest/base/toml.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <variant>

#include <toml++/toml.h>

#include "libattest/base/text.h"

namespace attest {

namespace {
constexpr std::size_t size_limit = 1U << 20;
// toml++ 3.3 bounds the depth of values, but not that of dotted keys: a megabyte of "a.a.a…" would
// make it nest, and later free, half a million tables within each other.
constexpr std::size_t dot_limit = 100;

struct DateTime {
  std::string written;
};
}  // namespace

struct TomlTable::Node {
  struct Entry;
  using Entries = std::vector<Entry>;
  using Items = std::vector<Node>;
  std::variant<std::string, std::int64_t, double, bool, DateTime, Items, Entries> content;
  std::size_t line = 0;

  const Entries* entries() const { return std::get_if<Entries>(&content); }
  const Node* find(std::string_view key) const;
  bool is_list_of_tables() const;
};

struct TomlTable::Node::Entry {
  std::string key;
  Node value;
};

const TomlTable::Node* TomlTable::Node::find(std::string_view key) const {
  const Entries* members = entries();
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, key, &Entry::key);
  return found == members->end() ? nullptr : &found->value;
}

bool TomlTable::Node::is_list_of_tables() const {
  const Items* items = std::get_if<Items>(&content);
  return items != nullptr &&
         std::ranges::all_of(*items, [](const Node& item) { return item.entries() != nullptr; });
}

struct TomlTable::Document {
  std::string name;
  Node root;
  std::map<const Node*, std::set<std::string, std::less<>>> asked;  // keys, by table
};

namespace {

using Node = TomlTable::Node;

std::string_view type_name(const Node& node) {
  static constexpr std::string_view names[] = {"text",   "a whole number", "a float", "a boolean",
                                               "a time", "a list",         "a table"};
  return names[node.content.index()];
}

std::string padded(int value, std::size_t digits) {
  std::string text = std::to_string(value);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

std::string written(const toml::date& date) {
  return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2);
}

// The RFC 3339 form that parse_time judges: an offset other than UTC and parts of a second are
// written so that it refuses them.
std::string written(const toml::date_time& moment) {
  std::string text = written(moment.date) + "T" + padded(moment.time.hour, 2) + ":" +
                     padded(moment.time.minute, 2) + ":" + padded(moment.time.second, 2);
  if (moment.time.nanosecond != 0) text += "." + std::to_string(moment.time.nanosecond);
  if (moment.offset) text += moment.offset->minutes == 0 ? "Z" : "+offset";
  return text;
}

// toml++ bounds the nesting of values, and check_dots that of keys, so this recursion is bounded.
Node copied(const toml::node& from) {
  Node node;
  node.line = from.source().begin.line;
  if (const auto* text = from.as_string()) {
    node.content = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.content = integer->get();
  } else if (const auto* number = from.as_floating_point()) {
    node.content = number->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.content = boolean->get();
  } else if (const auto* date = from.as_date()) {
    node.content = DateTime{written(date->get())};
  } else if (const auto* moment = from.as_date_time()) {
    node.content = DateTime{written(moment->get())};
  } else if (const auto* array = from.as_array()) {
    Node::Items items;
    for (const toml::node& item : *array) items.push_back(copied(item));
    node.content = std::move(items);
  } else if (const auto* table = from.as_table()) {
    Node::Entries entries;
    for (const auto& [key, value] : *table) {
      entries.push_back({std::string(key.str()), copied(value)});
      // A key's own line, rather than that of its value, is where a person looks.
      if (!value.is_table()) entries.back().value.line = key.source().begin.line;
    }
    std::ranges::sort(entries, {}, [](const Node::Entry& entry) {
      return std::pair<std::size_t, std::string_view>(entry.value.line, entry.key);
    });
    node.content = std::move(entries);
  } else {
    node.content = DateTime{"a time of day"};
  }
  return node;
}

Status check_dots(std::string_view text) {
  std::size_t dots = 0;
  std::size_t line = 1;
  for (const char character : text) {
    if (character == '.') ++dots;
    if (std::string_view("\n=,{}").contains(character)) dots = 0;
    if (character == '\n') ++line;
    if (dots > dot_limit)
      return fail(refused(rules::toml_form, "too many dots on one line")
                      .expected("keys of few parts")
                      .within("line " + std::to_string(line)));
  }
  return {};
}

std::string named(const std::string& name, std::size_t line) {
  return name + ":" + std::to_string(line);
}

std::string in_quotes(std::string_view key) {
  return "\"" + printable(key) + "\"";
}

}  // namespace

Result<TomlTable> parse_toml(std::string_view text, std::string name) {
  if (text.size() > size_limit)
    return fail(refused(rules::toml_form, "this is too large for a TOML file of ours")
                    .expected("at most " + with_thousands(size_limit) + " bytes")
                    .found(with_thousands(text.size()))
                    .within(name));
  if (!is_utf8(text)) return fail(refused(rules::toml_form, "this is not UTF-8").within(name));
  if (auto dots = check_dots(text); !dots) return fail(std::move(dots).error().within(name));
  try {
    const toml::table parsed = toml::parse(text, name);
    auto document = std::make_shared<TomlTable::Document>();
    document->name = std::move(name);
    document->root = copied(parsed);
    document->root.line = 1;
    const TomlTable::Node* root = &document->root;
    return TomlTable(std::move(document), root);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return fail(refused(rules::toml_form, "this is not TOML: " + printable(error.description()))
                    .within(named(name, at.line) + ":" + std::to_string(at.column)));
  }
}

Result<TomlTable> read_toml_file(const Path& path) {
  TRY(const std::string text, read_text_file(path, size_limit + 1));
  return parse_toml(text, path.string());
}

const TomlTable::Node* TomlTable::ask(std::string_view key) {
  document_->asked[node_].emplace(key);
  return node_->find(key);
}

Error TomlTable::missing(std::string_view key) const {
  return refused(rules::toml_missing, in_quotes(key) + " is missing").within(place());
}

Error TomlTable::wrong_type(std::string_view key, std::string expected, const Node& found) const {
  return refused(rules::toml_type, in_quotes(key) + " has the wrong type")
      .expected(std::move(expected))
      .found(std::string(type_name(found)))
      .within(place(key));
}

Error TomlTable::wrong(std::string_view key, std::string what) const {
  return refused(rules::toml_value, in_quotes(key) + " " + what).within(place(key));
}

namespace {
// A required value is an optional one that is there.
template <typename T>
Result<T> present(Result<std::optional<T>> value, Error missing) {
  if (!value) return fail(std::move(value).error());
  if (!*value) return fail(std::move(missing));
  return **std::move(value);
}
}  // namespace

Result<std::optional<std::string>> TomlTable::optional_text(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&node->content)) return *text;
  return fail(wrong_type(key, "text", *node));
}

Result<std::optional<std::int64_t>> TomlTable::optional_integer(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(&node->content)) return *integer;
  return fail(wrong_type(key, "a whole number", *node));
}

Result<std::optional<double>> TomlTable::optional_number(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(&node->content))
    return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&node->content)) return *number;
  return fail(wrong_type(key, "a number", *node));
}

Result<std::optional<bool>> TomlTable::optional_boolean(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* boolean = std::get_if<bool>(&node->content)) return *boolean;
  return fail(wrong_type(key, "true or false", *node));
}

Result<std::optional<Seconds>> TomlTable::optional_span(std::string_view key) {
  TRY(const auto text, optional_text(key));
  if (!text) return std::nullopt;
  TRY_WITHIN(place(key), const Seconds span, parse_span(*text));
  return span;
}

Result<std::optional<std::chrono::milliseconds>> TomlTable::optional_short_span(
    std::string_view key) {
  TRY(const auto text, optional_text(key));
  if (!text) return std::nullopt;
  if (!text->ends_with("ms")) {
    TRY_WITHIN(place(key), const Seconds span, parse_span(*text));
    return span;
  }
  std::int32_t count = 0;
  const char* end = text->data() + text->size() - 2;
  const auto [stopped, error] = std::from_chars(text->data(), end, count);
  if (error != std::errc() || stopped != end || count < 0)
    return fail(
        wrong(key, "is not a span of time").expected("such as \"250ms\"").found(in_quotes(*text)));
  return std::chrono::milliseconds(count);
}

Result<std::optional<Time>> TomlTable::optional_time(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(&node->content);
  const auto* moment = std::get_if<DateTime>(&node->content);
  if (text == nullptr && moment == nullptr) return fail(wrong_type(key, "a time", *node));
  TRY_WITHIN(place(key), const Time time, parse_time(text != nullptr ? *text : moment->written));
  return time;
}

Result<std::vector<std::string>> TomlTable::optional_texts(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::vector<std::string>();
  const auto* items = std::get_if<Node::Items>(&node->content);
  if (items == nullptr) return fail(wrong_type(key, "a list of text", *node));
  std::vector<std::string> texts;
  for (const Node& item : *items) {
    const auto* text = std::get_if<std::string>(&item.content);
    if (text == nullptr) return fail(wrong_type(key, "a list of text", item));
    texts.push_back(*text);
  }
  return texts;
}

Result<std::vector<std::int64_t>> TomlTable::optional_integers(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::vector<std::int64_t>();
  const auto* items = std::get_if<Node::Items>(&node->content);
  if (items == nullptr) return fail(wrong_type(key, "a list of whole numbers", *node));
  std::vector<std::int64_t> integers;
  for (const Node& item : *items) {
    const auto* integer = std::get_if<std::int64_t>(&item.content);
    if (integer == nullptr) return fail(wrong_type(key, "a list of whole numbers", item));
    integers.push_back(*integer);
  }
  return integers;
}

Result<std::optional<TomlTable>> TomlTable::optional_table(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  if (node->entries() == nullptr) return fail(wrong_type(key, "a table", *node));
  return TomlTable(document_, node);
}

Result<std::vector<TomlTable>> TomlTable::tables(std::string_view key) {
  const Node* node = ask(key);
  if (node == nullptr) return std::vector<TomlTable>();
  if (!node->is_list_of_tables()) return fail(wrong_type(key, "a list of tables", *node));
  std::vector<TomlTable> tables;
  for (const Node& item : std::get<Node::Items>(node->content))
    tables.push_back(TomlTable(document_, &item));
  return tables;
}

Result<std::string> TomlTable::text(std::string_view key) {
  return present(optional_text(key), missing(key));
}
Result<std::int64_t> TomlTable::integer(std::string_view key) {
  return present(optional_integer(key), missing(key));
}
Result<double> TomlTable::number(std::string_view key) {
  return present(optional_number(key), missing(key));
}
Result<bool> TomlTable::boolean(std::string_view key) {
  return present(optional_boolean(key), missing(key));
}
Result<Seconds> TomlTable::span(std::string_view key) {
  return present(optional_span(key), missing(key));
}
Result<std::chrono::milliseconds> TomlTable::short_span(std::string_view key) {
  return present(optional_short_span(key), missing(key));
}
Result<Time> TomlTable::time(std::string_view key) {
  return present(optional_time(key), missing(key));
}
Result<TomlTable> TomlTable::table(std::string_view key) {
  return present(optional_table(key), missing(key));
}
Result<std::vector<std::string>> TomlTable::texts(std::string_view key) {
  if (!has(key)) return fail(missing(key));
  return optional_texts(key);
}

bool TomlTable::has(std::string_view key) const {
  return node_->find(key) != nullptr;
}

std::vector<std::string> TomlTable::keys() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : *node_->entries()) names.push_back(name);
  return names;
}

std::size_t TomlTable::line() const {
  return node_->line;
}
std::size_t TomlTable::line_of(std::string_view key) const {
  const Node* node = node_->find(key);
  return node == nullptr ? node_->line : node->line;
}
std::string TomlTable::place() const {
  return named(document_->name, line());
}
std::string TomlTable::place(std::string_view key) const {
  return named(document_->name, line_of(key));
}

Status TomlTable::finish() const {
  const auto& asked = document_->asked[node_];
  for (const auto& [key, value] : *node_->entries()) {
    if (!asked.contains(key)) {
      Error error =
          refused(rules::toml_unknown, "unknown key " + in_quotes(key)).within(place(key));
      const std::vector<std::string_view> known(asked.begin(), asked.end());
      if (const auto meant = nearest(key, known); !meant.empty())
        error.next("did you mean " + in_quotes(meant) + "?");
      return fail(std::move(error));
    }
    if (value.entries() != nullptr) TRY_VOID(TomlTable(document_, &value).finish());
    if (!value.is_list_of_tables()) continue;
    for (const Node& item : std::get<Node::Items>(value.content))
      TRY_VOID(TomlTable(document_, &item).finish());
  }
  return {};
}

}  // namespace attest
