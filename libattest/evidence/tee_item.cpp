#include "libattest/evidence/tee_item.h"

#include "libattest/base/cbor.h"
#include "libattest/evidence/item_form.h"

namespace attest::evidence {

namespace {

constexpr std::uint64_t version = 1;
constexpr std::size_t provider_limit = 64;

std::unexpected<Error> wrong(std::string what) {
  return fail(refused(rules::tee_item_form, std::move(what)).within("item \"tee\""));
}

Result<TeeItem> read(ByteView bytes) {
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "tee"));
  TRY(const std::uint64_t found, fields.unsigned_integer("version"));
  if (found != version) return wrong("its version is not 1");
  TeeItem item;
  TRY(item.provider, fields.text("provider"));
  TRY(item.report, fields.bytes("report"));
  TRY(item.auxiliary, fields.optional_bytes("auxiliary"));
  TRY_VOID(fields.finish());
  if (item.provider.empty() || item.provider.size() > provider_limit)
    return wrong("its provider is no short name");
  if (item.report.size() > tee_report_limit ||
      (item.auxiliary && item.auxiliary->size() > tee_report_limit))
    return wrong("its report or auxiliary data is longer than 64 KiB");
  return item;
}

}  // namespace

Bytes encode_tee(const TeeItem& item) {
  return cbor::encode(cbor::Map{
      {"version", version},
      {"provider", item.provider},
      {"report", item.report},
      {"auxiliary", item.auxiliary ? cbor::Value(*item.auxiliary) : cbor::Value(nullptr)}});
}

Result<TeeItem> parse_tee(ByteView bytes) {
  return of_form(rules::tee_item_form, "tee", read(bytes));
}

}  // namespace attest::evidence
