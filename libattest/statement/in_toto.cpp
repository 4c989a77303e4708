#include "libattest/statement/in_toto.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::statement {

namespace {

constexpr std::string_view version_1 = "https://in-toto.io/Statement/v1";
constexpr std::string_view version_0_1 = "https://in-toto.io/Statement/v0.1";

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::in_toto_form, "in-toto statement: " + std::move(what)));
}

const std::string* text_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? nullptr : member->get_ptr<const std::string*>();
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// A digest set may also name things by numbers of their own, such as the image of a machine.
bool is_hash(std::string_view algorithm) {
  return algorithm.starts_with("sha") || algorithm.starts_with("blake") ||
         algorithm.starts_with("md5") || algorithm.starts_with("git");
}

Result<InTotoSubject> parse_one(const Json& object) {
  if (!object.is_object()) return malformed("a subject is no object");
  InTotoSubject subject;
  if (const std::string* name = text_of(object, "name")) subject.name = *name;
  const auto digests = object.find("digest");
  if (digests == object.end() || !digests->is_object() || digests->empty())
    return malformed("a subject has no digest");
  for (const auto& [algorithm, value] : digests->items()) {
    const auto* hex = value.get_ptr<const std::string*>();
    if (hex == nullptr || hex->empty() || (is_hash(algorithm) && !from_hex(*hex)))
      return malformed("the digest \"" + printable(algorithm, 40) + "\" is not hexadecimal");
    subject.digests.emplace(algorithm, is_hash(algorithm) ? lower_case(*hex) : *hex);
  }
  return subject;
}

}  // namespace

Result<InTotoStatement> parse_in_toto(ByteView json) {
  TRY_WITHIN("in-toto statement", const Json whole, parse_json(as_text(json)));
  if (!whole.is_object()) return malformed("this is no object");
  const std::string* type = text_of(whole, "_type");
  if (type == nullptr || (*type != version_1 && *type != version_0_1))
    return fail(refused(rules::in_toto_form, "this is no in-toto statement")
                    .expected("_type \"" + std::string(version_1) + "\"")
                    .found(type == nullptr ? "none" : "\"" + printable(*type, 80) + "\""));
  InTotoStatement statement;
  const auto subjects = whole.find("subject");
  if (subjects == whole.end() || !subjects->is_array() || subjects->empty())
    return malformed("there is no subject");
  for (const Json& each : *subjects) {
    TRY(InTotoSubject subject, parse_one(each));
    statement.subjects.push_back(std::move(subject));
  }
  const std::string* predicate_type = text_of(whole, "predicateType");
  if (predicate_type == nullptr || predicate_type->empty())
    return malformed("\"predicateType\" is missing");
  statement.predicate_type = *predicate_type;
  const auto predicate = whole.find("predicate");
  statement.predicate = predicate == whole.end() ? "null" : to_line(*predicate);
  return statement;
}

}  // namespace attest::statement
