#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/transparency/note.h"
#include "libattest/transparency/note_name.h"

namespace attest::transparency {

namespace {

constexpr std::size_t ml_dsa_44_key_size = 1312;

KeyId first_four(const Sha256& hash) {
  KeyId id;
  std::copy_n(hash.begin(), id.size(), id.begin());
  return id;
}

KeyId key_id(std::string_view name, NoteKeyType type, ByteView material) {
  if (type == NoteKeyType::ecdsa) return first_four(sha256(material));
  // A certificate log is named by its log id, the digest of its key; either may stand in a text.
  const Sha256 log_id = sha256(material);
  if (type == NoteKeyType::rfc6962 && material.size() != log_id.size()) material = log_id;
  const auto type_byte = static_cast<std::byte>(type);
  const std::byte line_feed{'\n'};
  return first_four(
      sha256({as_bytes(name), ByteView(&line_feed, 1), ByteView(&type_byte, 1), material}));
}

Error malformed(std::string_view vkey, std::string what) {
  return refused(rules::vkey_form, std::move(what)).found(printable(vkey, 120));
}

// A log id alone names a key and verifies nothing.
Result<std::optional<PublicKey>> certificate_log_key(ByteView material) {
  if (material.size() == sizeof(Sha256)) return std::nullopt;
  TRY(PublicKey key, PublicKey::from_spki_der(material));
  if (key.kind() != KeyKind::ecdsa_p256 && key.kind() != KeyKind::rsa)
    return fail(refused(rules::vkey_form, "a certificate log's key is neither on P-256 nor RSA")
                    .found(std::string(attest::to_string(key.kind()))));
  return key;
}

// Gives the key to verify with, or nothing for a type that is recognised and never verified.
Result<std::optional<PublicKey>> usable_key(NoteKeyType type, ByteView material) {
  switch (type) {
    case NoteKeyType::ed25519:
    case NoteKeyType::cosignature_v1: {
      TRY(PublicKey key, PublicKey::from_ed25519(material));
      return key;
    }
    case NoteKeyType::ecdsa: {
      TRY(PublicKey key, PublicKey::from_spki_der(material));
      if (key.kind() != KeyKind::ecdsa_p256)
        return fail(refused(rules::vkey_form, "an ECDSA verifier key is not on P-256")
                        .found(std::string(attest::to_string(key.kind()))));
      return key;
    }
    case NoteKeyType::ml_dsa_44:
      if (material.size() != ml_dsa_44_key_size)
        return fail(refused(rules::vkey_form, "an ML-DSA-44 key has the wrong length")
                        .expected(std::to_string(ml_dsa_44_key_size) + " bytes")
                        .found(std::to_string(material.size())));
      return std::nullopt;
    case NoteKeyType::rfc6962:
      return certificate_log_key(material);
  }
  return fail(refused(rules::vkey_type, "a verifier key has a type this program does not know")
                  .found(std::to_string(static_cast<unsigned>(type))));
}

}  // namespace

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  const std::size_t first = text.find('+');
  const std::size_t second = first == text.npos ? text.npos : text.find('+', first + 1);
  if (second == text.npos) return fail(malformed(text, "a verifier key is not NAME+ID+KEY"));
  const std::string_view name = text.substr(0, first);
  const std::string_view hex = text.substr(first + 1, second - first - 1);
  if (!is_note_name(name)) return fail(malformed(text, "a verifier key's name is not allowed"));

  const Result<Bytes> key = from_base64(text.substr(second + 1));
  if (!key || key->size() < 2) return fail(malformed(text, "a verifier key's key is not base64"));
  const auto type = static_cast<NoteKeyType>((*key)[0]);
  const ByteView material = ByteView(*key).subspan(1);
  TRY_WITHIN(printable(name), std::optional<PublicKey> usable, usable_key(type, material));

  const KeyId id = key_id(name, type, material);
  if (hex != to_hex(id))
    return fail(refused(rules::vkey_form, "a verifier key's id is not that of its key")
                    .expected(to_hex(id))
                    .found(printable(hex))
                    .within(printable(name)));
  return VerifierKey(std::string(name), id, type, to_bytes(material), std::move(usable));
}

Result<VerifierKey> VerifierKey::make(std::string_view name, NoteKeyType type,
                                      const PublicKey& key) {
  if (!is_note_name(name)) return fail(malformed(name, "a verifier key's name is not allowed"));
  const bool ed25519 = type == NoteKeyType::ed25519 || type == NoteKeyType::cosignature_v1;
  const bool fits = (ed25519 && key.kind() == KeyKind::ed25519) ||
                    (type == NoteKeyType::ecdsa && key.kind() == KeyKind::ecdsa_p256) ||
                    (type == NoteKeyType::rfc6962 &&
                     (key.kind() == KeyKind::ecdsa_p256 || key.kind() == KeyKind::rsa));
  if (!fits)
    return fail(refused(rules::vkey_form, "a key of this kind cannot sign notes of this type")
                    .expected(ed25519 ? "Ed25519" : "ECDSA P-256")
                    .found(std::string(attest::to_string(key.kind())))
                    .within(printable(name)));
  Bytes material = ed25519 ? key.raw_ed25519() : key.spki_der();
  const KeyId id = key_id(name, type, material);
  return VerifierKey(std::string(name), id, type, std::move(material), key);
}

std::string VerifierKey::label() const {
  return name_ + "+" + to_hex(id_);
}

std::string VerifierKey::to_string() const {
  const auto type_byte = static_cast<std::byte>(type_);
  return label() + "+" + to_base64(concat({ByteView(&type_byte, 1), material_}));
}

}  // namespace attest::transparency
