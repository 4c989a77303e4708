#include "libattest/statement/batch.h"

#include "libattest/base/text.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

Bytes encode(const Batch& batch) {
  return cbor::encode(cbor::Map{{"version", 1},
                                {"of", batch.of == Batch::Of::results ? "results" : "receipts"},
                                {"root", batch.root},
                                {"count", batch.count},
                                {"until", unix_seconds(batch.until)}});
}

Result<Batch> decode_batch(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "batch"));
  Batch batch;
  TRY(const std::string of, fields.text("of"));
  if (of != "results" && of != "receipts")
    return fail(refused(rules::cbor_schema, "unknown kind of batch")
                    .expected("\"results\" or \"receipts\"")
                    .found("\"" + printable(of, 60) + "\""));
  batch.of = of == "results" ? Batch::Of::results : Batch::Of::receipts;
  TRY(batch.root, digest_field(fields, "root"));
  TRY(batch.count, fields.unsigned_integer("count"));
  if (batch.count == 0) return fail(refused(rules::cbor_schema, "a batch of nothing"));
  TRY(batch.until, time_field(fields, "until"));
  TRY_VOID(fields.finish());
  return batch;
}

}  // namespace attest::statement
