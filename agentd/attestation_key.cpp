#include "agentd/attestation_key.h"

#include "libattest/base/cbor.h"

namespace attest::agentd {

Path attestation_key_file(const Path& state) {
  return state / "attestation-key.cbor";
}

Result<std::optional<AttestationKey>> load_attestation_key(const Path& state) {
  const Path path = attestation_key_file(state);
  TRY(const bool there, system_files().exists(path));
  if (!there) return std::nullopt;
  TRY(const Bytes bytes, read_file(path, 1U << 16));
  const auto parse = [&]() -> Result<AttestationKey> {
    TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
    TRY(auto fields, cbor::Fields::of(value, "attestation key"));
    TRY(const std::uint64_t version, fields.unsigned_integer("version"));
    if (version != 1)
      return fail(refused(rules::attestation_key_file, "written by another version")
                      .expected("1")
                      .found(std::to_string(version)));
    TRY(const std::string ek, fields.text("ek"));
    TRY(const EkKind kind, ek_kind_by_name(ek));
    AttestationKey key{.ek = kind, .wrapped = {}};
    TRY(key.wrapped.sized_public, fields.bytes("public"));
    TRY(key.wrapped.sized_private, fields.bytes("private"));
    TRY_VOID(fields.finish());
    return key;
  };
  TRY_WITHIN(path.string(), AttestationKey key, parse());
  return key;
}

Status save_attestation_key(const Path& state, const AttestationKey& key) {
  cbor::Map map;
  map.emplace_back("version", 1);
  map.emplace_back("ek", to_string(key.ek));
  map.emplace_back("public", key.wrapped.sized_public);
  map.emplace_back("private", key.wrapped.sized_private);
  return write_file_atomically(attestation_key_file(state), cbor::encode(std::move(map)), 0600);
}

}  // namespace attest::agentd
