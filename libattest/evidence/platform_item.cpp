#include "libattest/evidence/platform_item.h"

#include "libattest/base/cbor.h"
#include "libattest/evidence/item_form.h"

namespace attest::evidence {

namespace {

constexpr std::uint64_t version = 1;

std::unexpected<Error> wrong(std::string what) {
  return fail(refused(rules::platform_item_form, std::move(what)).within("item \"platform\""));
}

Result<PlatformItem> read(ByteView bytes) {
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "platform"));
  TRY(const std::uint64_t found, fields.unsigned_integer("version"));
  if (found != version) return wrong("its version is not 1");
  PlatformItem item;
  TRY(const cbor::Array* certificates, fields.array("certificates"));
  TRY(item.inventory, fields.optional_text("inventory"));
  TRY_VOID(fields.finish());
  if (certificates->size() > platform_certificates_limit)
    return wrong("there are too many platform certificates");
  for (const cbor::Value& each : *certificates) {
    if (!each.as_bytes() || each.as_bytes()->size() > platform_certificate_limit)
      return wrong("a platform certificate is not bytes, or longer than 64 KiB");
    item.certificates.push_back(*each.as_bytes());
  }
  if (item.inventory && item.inventory->size() > platform_inventory_limit)
    return wrong("its inventory is longer than 1 MiB");
  return item;
}

}  // namespace

Bytes encode_platform(const PlatformItem& item) {
  cbor::Array certificates;
  for (const Bytes& each : item.certificates) certificates.emplace_back(each);
  return cbor::encode(cbor::Map{
      {"version", version},
      {"certificates", std::move(certificates)},
      {"inventory", item.inventory ? cbor::Value(*item.inventory) : cbor::Value(nullptr)}});
}

Result<PlatformItem> parse_platform(ByteView bytes) {
  return of_form(rules::platform_item_form, label::platform, read(bytes));
}

}  // namespace attest::evidence
