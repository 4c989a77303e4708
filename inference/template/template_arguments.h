// What a template hands to filters, tests, methods and functions, and what they may still do.
#pragma once

#include "inference/template/template_value.h"

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

// The argument at `place`, or of that name: as a text (rules::template_value where there is none),
// as an integer or as a truth, or `absent`.
Result<std::string> text_argument(const Arguments& arguments, std::size_t place,
                                  std::string_view name);
Result<std::int64_t> integer_or(const Arguments& arguments, std::size_t place,
                                std::string_view name, std::int64_t absent);
bool truth_or(const Arguments& arguments, std::size_t place, std::string_view name, bool absent);

Error wrong_value(std::string what);

}  // namespace attest::inference::templates

namespace attest::rules {
inline constexpr Rule template_value{"inference.template.value"};
}
