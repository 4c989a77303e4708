#include "libattest/transparency/map_root.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::transparency {

namespace {

constexpr std::uint64_t version = 1;

std::string log_subject(std::string_view origin) {
  return "log:" + std::string(origin);
}

Error malformed(std::string what) {
  return refused(rules::map_root_form, std::move(what));
}

Status check_header(const cose::UntrustedSign1& message, const std::string& origin) {
  if (message.content_type != map_root_content_type)
    return fail(malformed("the last entry is no map root")
                    .expected(std::string(map_root_content_type))
                    .found(printable(message.content_type.value_or("no content type"))));
  if (!message.unprotected_header.empty())
    return fail(malformed("a map root has an unprotected header"));
  if (message.claims.issuer != origin)
    return fail(malformed("a map root is by another issuer than the log")
                    .expected(origin)
                    .found(printable(message.claims.issuer.value_or("none"))));
  if (message.claims.subject != log_subject(origin))
    return fail(malformed("a map root speaks of another subject than the log")
                    .expected(log_subject(origin))
                    .found(printable(message.claims.subject.value_or("none"))));
  return {};
}

Result<cose::VerifiedSign1> verify_by_log_key(cose::UntrustedSign1 message,
                                              const std::vector<VerifierKey>& log_keys) {
  const auto signed_it = [&](const VerifierKey& key) {
    return key.public_key() && message.key_id &&
           equal(key.public_key()->thumbprint(), *message.key_id);
  };
  const auto key = std::ranges::find_if(log_keys, signed_it);
  if (key == log_keys.end())
    return fail(refused(rules::map_root_signature, "no key of the log signed the map root")
                    .found(message.key_id ? "key " + to_hex(*message.key_id) : "no key id"));
  auto verified = cose::verify_sign1(std::move(message), *key->public_key());
  if (!verified)
    return fail(refused(rules::map_root_signature,
                        "the log's signature over its map root does not "
                        "hold")
                    .found(verified.error().what));
  return verified;
}

}  // namespace

Bytes encode_map_root(const MapRoot& map_root) {
  return cbor::encode(cbor::Map{{"version", version},
                                {"size", map_root.size},
                                {"root", map_root.root},
                                {"subjects", map_root.subjects}});
}

Result<MapRoot> decode_map_root(ByteView payload) {
  TRY(const cbor::Value value, cbor::decode(payload, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "map root"));
  TRY(const std::uint64_t found_version, fields.unsigned_integer("version"));
  if (found_version != version)
    return fail(malformed("a map root is of a version this program does not know")
                    .expected("1")
                    .found(std::to_string(found_version)));
  MapRoot map_root;
  TRY(map_root.size, fields.unsigned_integer("size"));
  TRY(const Bytes root, fields.bytes("root", map_root.root.size()));
  std::ranges::copy(root, map_root.root.begin());
  TRY(map_root.subjects, fields.unsigned_integer("subjects"));
  TRY_VOID(fields.finish());
  return map_root;
}

Result<Bytes> sign_map_root(const MapRoot& map_root, std::string_view origin, Time issued_at,
                            const SigningKey& log_key) {
  cose::Sign1Content content;
  content.content_type = std::string(map_root_content_type);
  content.claims.issuer = std::string(origin);
  content.claims.subject = log_subject(origin);
  content.claims.issued_at = issued_at;
  content.payload = encode_map_root(map_root);
  return cose::sign1(content, log_key);
}

Result<VerifiedMapRoot> verify_map_root(const VerifiedCheckpoint& checkpoint,
                                        const UntrustedEntry& entry,
                                        const LogVerifiers& verifiers) {
  if (checkpoint.size() == 0 || entry.index != checkpoint.size() - 1)
    return fail(refused(rules::map_root_not_last, "the map root is not the checkpoint's last entry")
                    .expected("an index one below " + std::to_string(checkpoint.size()))
                    .found(std::to_string(entry.index)));
  TRY_VOID(verify_inclusion(entry.index, checkpoint.size(), leaf_hash(entry.entry), entry.path,
                            checkpoint.root()));
  auto message = cose::parse_sign1(entry.entry);
  if (!message) return fail(malformed("the last entry is no map root").found(message.error().what));
  TRY_VOID(check_header(*message, checkpoint.origin()));
  TRY(const cose::VerifiedSign1 verified,
      verify_by_log_key(*std::move(message), verifiers.log_keys));
  TRY(const MapRoot map_root, decode_map_root(verified.payload()));
  if (map_root.size != entry.index)
    return fail(refused(rules::map_root_size, "the map root does not cover all entries before it")
                    .expected(std::to_string(entry.index))
                    .found(std::to_string(map_root.size)));
  return VerifiedMapRoot(map_root, checkpoint);
}

}  // namespace attest::transparency
