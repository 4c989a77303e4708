// What templates can call: filters, tests, methods and functions, with Jinja's and Python's names
// and meanings. All are pure.
#pragma once

#include "inference/template/template_value.h"
#include "libattest/base/time.h"

namespace attest::inference::templates {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // find gives the argument at `place`, or the one of that name; nullptr where there is neither.
  const Value* find(std::size_t place, std::string_view name) const;
};

// Work is what a rendering may still do. One unit is a step of the interpreter or a byte made.
class Work {
 public:
  explicit Work(std::uint64_t units) : left_(units) {}
  // spend refuses what is beyond the limit (rules::template_limit).
  Status spend(std::uint64_t units);

 private:
  std::uint64_t left_;
};

// Each refuses names it does not know and arguments that do not fit (rules::template_value).
Result<Value> apply_filter(std::string_view name, const Value& value, const Arguments& arguments,
                           Work& work);
Result<bool> apply_test(std::string_view name, const Value& value, const Arguments& arguments);
Result<Value> call_method(const Value& value, std::string_view name, const Arguments& arguments,
                          Work& work);
// call_function: range, namespace, dict, strftime_now (in UTC), and raise_exception, which refuses
// with the template's own words (rules::template_raised).
Result<Value> call_function(std::string_view name, const Arguments& arguments, Time now,
                            Work& work);

bool has_method(const Value& value, std::string_view name);
bool has_function(std::string_view name);

// Looking into a value. Undefined where there is nothing; refused for an undefined value.
Result<Value> member_of(const Value& value, std::string_view name);
Result<Value> item_of(const Value& value, const Value& key);
// items_of gives what a loop over the value runs through.
Result<std::shared_ptr<const List>> items_of(const Value& value);
Result<bool> contains(const Value& value, const Value& item);

Error wrong_value(std::string what);

}  // namespace attest::inference::templates

namespace attest::rules {
inline constexpr Rule template_value{"inference.template.value"};
inline constexpr Rule template_raised{"inference.template.raised"};
}  // namespace attest::rules
