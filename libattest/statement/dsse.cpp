#include "libattest/statement/dsse.h"

#include <algorithm>

#include "libattest/base/json.h"

namespace attest::statement {

namespace {

constexpr std::size_t max_signatures = 64;
// Manifests of models with many files run to 100 MB and more.
constexpr std::size_t max_size = 512U << 20;

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::dsse_form, "DSSE envelope: " + std::move(what)));
}

Result<std::string> text_member(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string())
    return malformed("\"" + std::string(name) + "\" is missing or no text");
  return member->get<std::string>();
}

Result<Bytes> base64_member(const Json& object, const char* name) {
  TRY(const std::string text, text_member(object, name));
  auto bytes = from_either_base64(text);
  if (!bytes) return malformed("\"" + std::string(name) + "\" is not base64");
  return bytes;
}

Result<DsseSignature> parse_signature(const Json& object) {
  if (!object.is_object()) return malformed("a signature is no object");
  DsseSignature signature;
  TRY(signature.signature, base64_member(object, "sig"));
  const auto key_id = object.find("keyid");
  if (key_id != object.end() && !key_id->is_null()) {
    TRY(signature.key_id, text_member(object, "keyid"));
  }
  const auto certificate = object.find("cert");
  if (certificate != object.end() && certificate->is_string())
    signature.certificate = certificate->get<std::string>();
  return signature;
}

std::vector<SignatureScheme> schemes_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::ed25519:
      return {SignatureScheme::ed25519};
    case KeyKind::ecdsa_p256:
      return {SignatureScheme::ecdsa_sha256};
    case KeyKind::ecdsa_p384:
      return {SignatureScheme::ecdsa_sha384};
    case KeyKind::ecdsa_p521:
      return {SignatureScheme::ecdsa_sha512};
    case KeyKind::rsa:
      return {SignatureScheme::rsa_pkcs1_sha256, SignatureScheme::rsa_pss_sha256};
  }
  return {};
}

bool holds(const PublicKey& key, ByteView message, ByteView signature) {
  return std::ranges::any_of(schemes_of(key.kind()), [&](SignatureScheme scheme) {
    return key.verify(scheme, message, signature, EcdsaForm::der).has_value();
  });
}

}  // namespace

// The specification allows either alphabet of base64; in the wild the URL-safe one comes with
// padding and without.
Result<Bytes> from_either_base64(std::string_view text) {
  const bool url_safe = text.find_first_of("-_") != std::string_view::npos;
  const bool unpadded = text.size() % 4 != 0;
  if (!url_safe && !unpadded) return from_base64(text);
  if (!unpadded)
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return from_base64url(text);
}

Result<UntrustedEnvelope> parse_dsse(std::string_view json) {
  TRY_WITHIN("DSSE envelope", const Json whole, parse_json(json, {.size = max_size}));
  if (!whole.is_object()) return malformed("this is no object");
  UntrustedEnvelope envelope;
  TRY(envelope.payload_type, text_member(whole, "payloadType"));
  TRY(envelope.payload, base64_member(whole, "payload"));
  const auto signatures = whole.find("signatures");
  if (signatures == whole.end() || !signatures->is_array() || signatures->empty())
    return malformed("there is no signature");
  if (signatures->size() > max_signatures) return malformed("more than 64 signatures");
  for (const Json& each : *signatures) {
    TRY(DsseSignature signature, parse_signature(each));
    envelope.signatures.push_back(std::move(signature));
  }
  return envelope;
}

Bytes dsse_pae(std::string_view payload_type, ByteView payload) {
  Bytes pae = to_bytes("DSSEv1 " + std::to_string(payload_type.size()) + " " +
                       std::string(payload_type) + " " + std::to_string(payload.size()) + " ");
  append(pae, payload);
  return pae;
}

Result<VerifiedEnvelope> verify_dsse(UntrustedEnvelope envelope, std::span<const PublicKey> keys,
                                     SignatureCount count) {
  if (count == SignatureCount::exactly_one && envelope.signatures.size() != 1)
    return fail(refused(rules::dsse_signature_count, "an envelope of this kind has one signature")
                    .expected("1")
                    .found(std::to_string(envelope.signatures.size())));
  const Bytes message = dsse_pae(envelope.payload_type, envelope.payload);
  VerifiedEnvelope verified;
  for (const PublicKey& key : keys) {
    const bool signed_by_key = std::ranges::any_of(
        envelope.signatures,
        [&](const DsseSignature& signature) { return holds(key, message, signature.signature); });
    const bool new_key = std::ranges::find(verified.signers_, key) == verified.signers_.end();
    if (signed_by_key && new_key) verified.signers_.push_back(key);
  }
  if (verified.signers_.empty())
    return fail(refused(rules::dsse_signature, "no signature by a known key holds")
                    .expected("a signature by one of " + std::to_string(keys.size()) + " keys")
                    .found(std::to_string(envelope.signatures.size()) + " signatures"));
  verified.envelope_ = std::move(envelope);
  return verified;
}

}  // namespace attest::statement
