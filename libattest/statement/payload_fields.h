// What the payloads of our own kinds share: a version, digests, lists of texts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/cbor.h"
#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"

namespace attest::statement {

// decode_payload reads deterministic CBOR: what is signed has one form only.
Result<cbor::Value> decode_payload(ByteView payload);
// fields_of begins a payload's schema and checks {version: 1}.
Result<cbor::Fields> fields_of(const cbor::Value& payload, std::string what);
// versioned_fields_of is the same for a kind of which versions 1 to `newest` exist.
struct VersionedFields {
  cbor::Fields fields;
  std::uint64_t version;
};
Result<VersionedFields> versioned_fields_of(const cbor::Value& payload, std::string what,
                                            std::uint64_t newest);

Result<Sha256> digest_field(cbor::Fields& fields, const char* name);
Result<Time> time_field(cbor::Fields& fields, const char* name);
// nullable_text_field reads a member that is there and may be null: leaving it out would give the
// same content a second encoding.
Result<std::optional<std::string>> nullable_text_field(cbor::Fields& fields, const char* name);
Result<std::vector<std::string>> texts_field(cbor::Fields& fields, const char* name);

// at gives "files[3]", for errors.
std::string at(const char* list, std::size_t index);

}  // namespace attest::statement
