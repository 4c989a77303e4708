#include "inference/template/template_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace attest::inference::templates {

namespace {

// Python writes the shortest digits that give the number back, and ".0" behind a whole one.
std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer{};
  const double size = std::fabs(number);
  const auto format = size != 0 && (size < 1e-4 || size >= 1e16) ? std::chars_format::scientific
                                                                 : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format);
  std::string text(buffer.data(), end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string source_of(std::string_view text) {
  const char quote =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"'
                                                                                            : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\x";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string entries_source(const Dictionary& dictionary) {
  std::string out = "{";
  for (const auto& [key, value] : dictionary.entries) {
    if (out.size() > 1) out += ", ";
    out += source_of(key) + ": " + value.to_source();
  }
  return out + "}";
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr std::string_view digits = "0123456789abcdef";
          out += "\\u00";
          out += digits[static_cast<unsigned char>(c) >> 4];
          out += digits[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonForm& form) : form_(form) {}

  bool write(const Value& value) {
    if (value.is_none()) return put("null");
    if (const auto* truth = value.get<bool>()) return put(*truth ? "true" : "false");
    if (const auto* text = value.text()) return put(json_string(*text));
    if (value.number()) return put(value.to_text());
    if (const auto* list = value.list())
      return block('[', ']', list->size(), [&](std::size_t i) { return write((*list)[i]); });
    if (const auto* dictionary = value.dictionary())
      return block('{', '}', dictionary->entries.size(), [&](std::size_t i) {
        const auto& [key, each] = dictionary->entries[i];
        return put(json_string(key) + form_.behind_keys) && write(each);
      });
    return false;
  }
  std::string out;

 private:
  bool put(std::string_view more) {
    out += more;
    return true;
  }
  void line() {
    if (form_.indent) out += "\n" + std::string(*form_.indent * depth_, ' ');
  }
  template <typename Each>
  bool block(char open, char close, std::size_t size, const Each& each) {
    out += open;
    ++depth_;
    for (std::size_t i = 0; i < size; ++i) {
      if (i != 0) out += form_.between_items;
      line();
      if (!each(i)) return false;
    }
    --depth_;
    if (size != 0) line();
    out += close;
    return true;
  }

  const JsonForm& form_;
  std::size_t depth_ = 0;
};

}  // namespace

const Value* Dictionary::find(std::string_view key) const {
  const auto found = std::ranges::find_if(entries, [key](const auto& e) { return e.first == key; });
  return found == entries.end() ? nullptr : &found->second;
}

void Dictionary::set(std::string_view key, Value value) {
  for (auto& [name, held] : entries)
    if (name == key) {
      held = std::move(value);
      return;
    }
  entries.emplace_back(key, std::move(value));
}

Value::Value(std::shared_ptr<const List> list) : content_(std::move(list)) {
  for (const Value& part : *this->list()) weigh(part);
}
Value::Value(Dictionary dictionary)
    : content_(std::make_shared<const Dictionary>(std::move(dictionary))) {
  for (const auto& [key, part] : this->dictionary()->entries) weigh(part);
}

void Value::weigh(const Value& part) {
  if (__builtin_add_overflow(weight_, part.weight_, &weight_)) weight_ = UINT64_MAX;
  depth_ = std::max(depth_, part.depth_ + 1);
  holds_namespace_ = holds_namespace_ || part.holds_namespace_;
}

const std::string* Value::text() const {
  const auto* text = get<std::shared_ptr<const std::string>>();
  return text ? text->get() : nullptr;
}
const List* Value::list() const {
  const auto* list = get<std::shared_ptr<const List>>();
  return list ? list->get() : nullptr;
}
const Dictionary* Value::dictionary() const {
  const auto* dictionary = get<std::shared_ptr<const Dictionary>>();
  return dictionary ? dictionary->get() : nullptr;
}

std::optional<std::int64_t> Value::integer() const {
  if (const auto* number = get<std::int64_t>()) return *number;
  if (const auto* truth = get<bool>()) return *truth ? 1 : 0;
  return std::nullopt;
}
std::optional<double> Value::number() const {
  if (const auto* number = get<double>()) return *number;
  if (const auto whole = integer()) return static_cast<double>(*whole);
  return std::nullopt;
}

bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  if (const auto n = number()) return *n != 0;
  if (const auto* t = text()) return !t->empty();
  if (const auto* l = list()) return !l->empty();
  if (const auto* d = dictionary()) return !d->entries.empty();
  return true;
}

std::string_view Value::kind() const {
  constexpr std::string_view kinds[] = {"undefined", "none",   "boolean",    "integer",   "float",
                                        "text",      "list",   "dictionary", "namespace", "macro",
                                        "function",  "method", "loop"};
  return kinds[content_.index()];
}

std::string Value::to_text() const {
  if (const auto* t = text()) return *t;
  if (is_undefined()) return {};
  return to_source();
}

std::string Value::to_source() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "None";
  if (const auto* truth = get<bool>()) return *truth ? "True" : "False";
  if (const auto* whole = get<std::int64_t>()) return std::to_string(*whole);
  if (const auto* number = get<double>()) return float_text(*number);
  if (const auto* t = text()) return source_of(*t);
  if (const auto* l = list()) {
    std::string out = "[";
    for (const Value& each : *l) out += (out.size() > 1 ? ", " : "") + each.to_source();
    return out + "]";
  }
  if (const auto* d = dictionary()) return entries_source(*d);
  return "<" + std::string(kind()) + ">";
}

bool operator==(const Value& a, const Value& b) {
  if (const auto x = a.integer(), y = b.integer(); x && y) return *x == *y;
  if (const auto x = a.number(), y = b.number(); x && y) return *x == *y;
  if (a.content_.index() != b.content_.index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (const auto *x = a.text(), *y = b.text(); x && y) return *x == *y;
  if (const auto *x = a.list(), *y = b.list(); x && y) return *x == *y;
  if (const auto *x = a.dictionary(), *y = b.dictionary(); x && y)
    return x->entries.size() == y->entries.size() &&
           std::ranges::all_of(x->entries, [y](const auto& entry) {
             const Value* other = y->find(entry.first);
             return other && *other == entry.second;
           });
  return false;
}

std::optional<bool> less(const Value& a, const Value& b) {
  if (const auto x = a.integer(), y = b.integer(); x && y) return *x < *y;
  if (const auto x = a.number(), y = b.number(); x && y) return *x < *y;
  if (const auto *x = a.text(), *y = b.text(); x && y) return *x < *y;
  if (const auto *x = a.list(), *y = b.list(); x && y) {
    for (std::size_t i = 0; i < std::min(x->size(), y->size()); ++i)
      if (!((*x)[i] == (*y)[i])) return less((*x)[i], (*y)[i]);
    return x->size() < y->size();
  }
  return std::nullopt;
}

Value from_json(const nlohmann::ordered_json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() &&
      json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    return static_cast<double>(json.get<std::uint64_t>());
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    List list;
    for (const auto& each : json) list.push_back(from_json(each));
    return list;
  }
  if (json.is_object()) {
    Dictionary dictionary;
    for (const auto& [key, each] : json.items())
      dictionary.entries.emplace_back(key, from_json(each));
    return dictionary;
  }
  return None{};
}

std::optional<std::string> to_json_text(const Value& value, const JsonForm& form) {
  JsonWriter writer(form);
  if (!writer.write(value)) return std::nullopt;
  return std::move(writer.out);
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
      ++length;
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

}  // namespace attest::inference::templates
