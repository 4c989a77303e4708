#include "libattest/statement/revocation.h"

#include "libattest/base/text.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

Bytes encode(const KeyStatus& status) {
  return cbor::encode(
      cbor::Map{{"version", 1},
                {"status", status.status == KeyStatus::Status::retired ? "retired" : "revoked"},
                {"from_index", status.from_index},
                {"reason", status.reason}});
}

Result<KeyStatus> decode_key_status(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "key status"));
  KeyStatus status;
  TRY(const std::string text, fields.text("status"));
  if (text != "retired" && text != "revoked")
    return fail(refused(rules::cbor_schema, "unknown status of a key")
                    .expected("\"retired\" or \"revoked\"")
                    .found("\"" + printable(text, 60) + "\""));
  status.status = text == "retired" ? KeyStatus::Status::retired : KeyStatus::Status::revoked;
  TRY(status.from_index, fields.unsigned_integer("from_index"));
  TRY(status.reason, fields.text("reason"));
  TRY_VOID(fields.finish());
  return status;
}

Bytes encode(const Revocation& revocation) {
  return cbor::encode(cbor::Map{{"version", 1}, {"reason", revocation.reason}});
}

Result<Revocation> decode_revocation(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "revocation"));
  Revocation revocation;
  TRY(revocation.reason, fields.text("reason"));
  TRY_VOID(fields.finish());
  return revocation;
}

}  // namespace attest::statement
