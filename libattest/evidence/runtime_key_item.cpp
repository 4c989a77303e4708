#include "libattest/evidence/runtime_key_item.h"

#include "libattest/base/cbor.h"
#include "libattest/crypto/public_key.h"
#include "libattest/evidence/item_form.h"

namespace attest::evidence {

namespace {

Result<RuntimeKey> read_key(ByteView bytes) {
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  TRY(auto fields, cbor::Fields::of(value, "runtime key"));
  RuntimeKey key;
  TRY(key.spki, fields.bytes("spki"));
  TRY(const cbor::Value* executable, fields.required("executable"));
  TRY(key.executable, cbor::expect_fixed<32>(*executable, "executable"));
  TRY(key.path, fields.text("path"));
  TRY(key.pid, fields.unsigned_integer("pid"));
  TRY_VOID(fields.finish());
  TRY(const PublicKey parsed, PublicKey::from_spki_der(key.spki));
  if (!equal(parsed.spki_der(), key.spki))
    return fail(refused(rules::runtime_key_form, "the key is not in its one canonical encoding"));
  return key;
}

}  // namespace

Bytes encode_runtime_key(const RuntimeKey& key) {
  return cbor::encode(cbor::Map{
      {"spki", key.spki}, {"executable", key.executable}, {"path", key.path}, {"pid", key.pid}});
}

Result<RuntimeKey> parse_runtime_key(ByteView bytes) {
  return of_form(rules::runtime_key_form, "runtime-key", read_key(bytes));
}

}  // namespace attest::evidence
