// Values of the template language: Python's, as far as templates see them. Lists and dictionaries
// are shared and never change; only a namespace does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "libattest/base/result.h"

namespace attest::inference::templates {

class Value;
using List = std::vector<Value>;

// Dictionary keeps the order of insertion. Its keys are texts; Python's others are refused.
struct Dictionary {
  std::vector<std::pair<std::string, Value>> entries;

  const Value* find(std::string_view key) const;
  void set(std::string_view key, Value value);
};

struct Undefined {
  std::string name;  // what was not defined, for the error that follows
};
struct None {};
// A macro is known by its number among the template's, a function or a method by its name. The body
// of a call block is a macro that sees the names where it stands; it lives no longer than the call.
struct Macro {
  std::size_t number;
  void* scope = nullptr;
};
struct Function {
  std::string name;
};
struct Method {
  std::shared_ptr<const Value> of;
  std::string name;
};
// Loop is what a for loop knows of itself.
struct Loop {
  std::shared_ptr<const List> items;
  std::size_t index = 0;
  std::size_t depth = 1;
};

class Value {
 public:
  using Content =
      std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                   std::shared_ptr<const List>, std::shared_ptr<const Dictionary>,
                   std::shared_ptr<Dictionary>,  // a namespace
                   Macro, Function, Method, std::shared_ptr<const Loop>>;

  Value() : content_(Undefined{}) {}
  Value(Undefined undefined) : content_(std::move(undefined)) {}
  Value(None none) : content_(none) {}
  Value(bool truth) : content_(truth) {}
  Value(std::int64_t number) : content_(number) {}
  Value(double number) : content_(number) {}
  Value(std::string text)
      : content_(std::make_shared<const std::string>(std::move(text))),
        weight_(1 + this->text()->size() / 64) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(List list) : Value(std::make_shared<const List>(std::move(list))) {}
  Value(std::shared_ptr<const List> list);
  Value(Dictionary dictionary);
  Value(std::shared_ptr<Dictionary> space) : content_(std::move(space)), holds_namespace_(true) {}
  // What must not outlive its call is kept out of namespaces as they themselves are.
  Value(Macro macro) : content_(macro), holds_namespace_(macro.scope != nullptr) {}
  Value(Function function) : content_(std::move(function)) {}
  Value(Method method) : holds_namespace_(method.of->holds_namespace_) {
    content_ = std::move(method);
  }
  Value(std::shared_ptr<const Loop> loop)
      : content_(std::move(loop)), holds_namespace_(true) {}  // whatever it loops over

  template <typename T>
  const T* get() const {
    return std::get_if<T>(&content_);
  }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  // text, list and dictionary give nullptr for other kinds; a namespace is no dictionary.
  const std::string* text() const;
  const List* list() const;
  const Dictionary* dictionary() const;
  // integer takes truths too, as Python does; number takes both.
  std::optional<std::int64_t> integer() const;
  std::optional<double> number() const;

  // weight is about how long it takes to look at all of the value, depth how deep it goes: what is
  // shared counts each time. holds_namespace says whether a namespace can be reached from it.
  std::uint64_t weight() const { return weight_; }
  std::size_t depth() const { return depth_; }
  bool holds_namespace() const { return holds_namespace_; }

  bool truth() const;
  // kind names the type in Python's words.
  std::string_view kind() const;
  // to_text is Python's str(), to_source its repr().
  std::string to_text() const;
  std::string to_source() const;

  friend bool operator==(const Value& a, const Value& b);

 private:
  void weigh(const Value& part);

  Content content_;
  std::uint64_t weight_ = 1;
  std::uint32_t depth_ = 0;
  bool holds_namespace_ = false;
};

// less orders numbers, texts and lists, each among themselves; nothing where Python would not.
std::optional<bool> less(const Value& a, const Value& b);

Value from_json(const nlohmann::ordered_json& json);
// to_json_text is Python's json.dumps with ensure_ascii off. It gives nothing for what JSON has not
// got.
struct JsonForm {
  std::optional<std::size_t> indent = {};  // of lines; all on one line without
  std::string between_items = ", ";
  std::string behind_keys = ": ";
};
std::optional<std::string> to_json_text(const Value& value, const JsonForm& form);

// characters_of cuts UTF-8 into characters.
std::vector<std::string_view> characters_of(std::string_view text);

}  // namespace attest::inference::templates
