#include "libattest/statement/consent.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/statement/artefact.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

namespace {

Result<Subject> artefact_field(cbor::Fields& fields, const char* name) {
  TRY(const std::string text, fields.text(name));
  TRY(Subject subject, Subject::parse(text));
  if (subject.kind() != SubjectKind::artefact)
    return fail(refused(rules::consent_form, "consent is given for artefacts only")
                    .found(printable(text, 80)));
  return subject;
}

}  // namespace

Bytes encode(const Consent& consent) {
  return cbor::encode(cbor::Map{{"version", 1},
                                {"child", consent.child.text()},
                                {"parent", consent.parent.text()},
                                {"operation", consent.operation}});
}

Result<Consent> decode_consent(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "consent"));
  TRY(Subject child, artefact_field(fields, "child"));
  TRY(Subject parent, artefact_field(fields, "parent"));
  TRY(std::string operation, fields.text("operation"));
  TRY_VOID(fields.finish());
  if (child == parent)
    return fail(refused(rules::consent_form, "an artefact needs no consent to be itself"));
  if (std::ranges::find(operation_names(), operation) == operation_names().end())
    return fail(refused(rules::consent_form, "consent to an unknown operation")
                    .found("\"" + printable(operation, 60) + "\""));
  return Consent{std::move(child), std::move(parent), std::move(operation)};
}

}  // namespace attest::statement
