#include "inference/template/template_arguments.h"

#include "inference/template/template_syntax.h"

namespace attest::inference::templates {

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

}  // namespace attest::inference::templates
