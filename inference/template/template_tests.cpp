#include "inference/template/template_functions.h"
#include "inference/template/template_texts.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

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

}  // namespace attest::inference::templates
