// What templates can call: filters, tests, methods and functions, with Jinja's and Python's names
// and meanings. All are pure. Each kind is a file: template_filters.cpp, template_tests.cpp,
// template_methods.cpp, and the functions and what looks into values in template_functions.cpp.
#pragma once

#include "inference/template/template_arguments.h"
#include "libattest/base/time.h"

namespace attest::inference::templates {

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

}  // namespace attest::inference::templates

namespace attest::rules {
inline constexpr Rule template_raised{"inference.template.raised"};
}
