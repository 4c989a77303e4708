#include "libattest/statement/payload_fields.h"

#include <algorithm>

namespace attest::statement {

namespace {
constexpr std::uint64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z
}

Result<cbor::Value> decode_payload(ByteView payload) {
  return cbor::decode(payload, cbor::Form::deterministic);
}

Result<cbor::Fields> fields_of(const cbor::Value& payload, std::string what) {
  TRY(VersionedFields versioned, versioned_fields_of(payload, std::move(what), 1));
  return std::move(versioned.fields);
}

Result<VersionedFields> versioned_fields_of(const cbor::Value& payload, std::string what,
                                            std::uint64_t newest) {
  TRY(cbor::Fields fields, cbor::Fields::of(payload, what));
  TRY(const std::uint64_t version, fields.unsigned_integer("version"));
  if (version < 1 || version > newest)
    return fail(refused(rules::cbor_schema, what + " has a version this program does not know")
                    .expected(newest == 1 ? "1" : "1 to " + std::to_string(newest))
                    .found(std::to_string(version))
                    .next("a newer release may read it"));
  return VersionedFields{std::move(fields), version};
}

Result<Sha256> digest_field(cbor::Fields& fields, const char* name) {
  TRY(const Bytes bytes, fields.bytes(name, 32));
  Sha256 digest{};
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

Result<Time> time_field(cbor::Fields& fields, const char* name) {
  TRY(const std::uint64_t seconds, fields.unsigned_integer(name));
  if (seconds > last_second)
    return fail(refused(rules::cbor_schema, std::string(name) + " is after the year 9999"));
  return from_unix(static_cast<std::int64_t>(seconds));
}

Result<std::optional<std::string>> nullable_text_field(cbor::Fields& fields, const char* name) {
  TRY_VOID(fields.required(name));
  return fields.optional_text(name);
}

Result<std::vector<std::string>> texts_field(cbor::Fields& fields, const char* name) {
  TRY(const cbor::Array* const array, fields.array(name));
  std::vector<std::string> texts;
  for (const cbor::Value& value : *array) {
    TRY(std::string text, cbor::expect_text(value, at(name, texts.size())));
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string at(const char* list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

}  // namespace attest::statement
