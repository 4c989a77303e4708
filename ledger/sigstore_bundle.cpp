#include "ledger/sigstore_bundle.h"

#include <algorithm>
#include <charconv>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/statement/dsse.h"

namespace attest::ledger {

namespace {

using transparency::NoteKeyType;
using transparency::VerifierKey;

constexpr std::size_t max_entries = 16;
constexpr std::size_t max_path = 64;

Error malformed(std::string what) {
  return refused(rules::sigstore_form, std::move(what));
}

// at gives a member by a path of names; null where one is not there.
const Json& at(const Json& value, std::initializer_list<const char*> names) {
  static const Json nothing;
  const Json* here = &value;
  for (const char* name : names) {
    if (!here->is_object() || !here->contains(name)) return nothing;
    here = &(*here)[name];
  }
  return *here;
}

Result<std::string> text_at(const Json& value, std::initializer_list<const char*> names) {
  const Json& found = at(value, names);
  if (!found.is_string()) return fail(malformed("no text").within(*(names.end() - 1)));
  return found.get<std::string>();
}

Result<Bytes> base64_at(const Json& value, std::initializer_list<const char*> names) {
  TRY(const std::string text, text_at(value, names));
  TRY_WITHIN(*(names.end() - 1), Bytes bytes, from_base64(text));
  return bytes;
}

Result<Sha256> hash_of(const Json& value) {
  if (!value.is_string()) return fail(malformed("a hash is no text"));
  TRY(const Bytes bytes, from_base64(value.get<std::string>()));
  Sha256 hash{};
  if (bytes.size() != hash.size())
    return fail(malformed("a hash has the wrong length").expected("32 bytes"));
  std::ranges::copy(bytes, hash.begin());
  return hash;
}

// Protocol Buffers write 64-bit numbers as texts.
Result<std::uint64_t> number_at(const Json& value, const char* name) {
  TRY(const std::string text, text_at(value, {name}));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    return fail(malformed("is no number from 0 up").found(printable(text, 40)).within(name));
  return number;
}

Result<SigstoreEntry> parse_entry(const Json& value) {
  SigstoreEntry entry;
  TRY(entry.log_id, base64_at(value, {"logId", "keyId"}));
  TRY_VOID(number_at(value, "logIndex"));
  TRY(entry.body, base64_at(value, {"canonicalizedBody"}));
  const Json& proof = at(value, {"inclusionProof"});
  if (!proof.is_object())
    return fail(refused(rules::sigstore_no_proof, "the bundle proves no inclusion in a log")
                    .expected("an inclusion proof under a checkpoint"));
  TRY(entry.index, number_at(proof, "logIndex"));
  TRY(entry.size, number_at(proof, "treeSize"));
  TRY_WITHIN("rootHash", entry.root, hash_of(at(proof, {"rootHash"})));
  const Json& path = at(proof, {"hashes"});
  if (!path.is_null() && (!path.is_array() || path.size() > max_path))
    return fail(malformed("the path is no list of at most 64 hashes"));
  for (const Json& each : path) {
    TRY_WITHIN("hashes", entry.path.emplace_back(), hash_of(each));
  }
  TRY(entry.checkpoint, text_at(proof, {"checkpoint", "envelope"}));
  return entry;
}

Result<std::optional<Certificate>> parse_certificate(const Json& material) {
  const Json* holder = &at(material, {"certificate"});
  if (const Json& chain = at(material, {"x509CertificateChain", "certificates"});
      chain.is_array() && !chain.empty())
    holder = &chain.front();
  if (!holder->is_object()) return std::nullopt;
  TRY(const Bytes der, base64_at(*holder, {"rawBytes"}));
  TRY_WITHIN("certificate", Certificate certificate, Certificate::from_der(der));
  return certificate;
}

Status parse_content(const Json& json, SigstoreBundle& bundle) {
  if (const Json& message = at(json, {"messageSignature"}); message.is_object()) {
    TRY(bundle.signature, base64_at(message, {"signature"}));
    TRY(bundle.digest, base64_at(message, {"messageDigest", "digest"}));
    return {};
  }
  const Json& envelope = at(json, {"dsseEnvelope"});
  const Json& signatures = at(envelope, {"signatures"});
  if (!signatures.is_array() || signatures.size() != 1)
    return fail(malformed("the bundle holds neither a message signature nor an envelope with one"));
  TRY(bundle.signature, base64_at(signatures.front(), {"sig"}));
  TRY(const std::string type, text_at(envelope, {"payloadType"}));
  TRY(const Bytes payload, base64_at(envelope, {"payload"}));
  bundle.signed_bytes = statement::dsse_pae(type, payload);
  return {};
}

// Body is what Rekor's two forms of "hashedrekord" say.
struct Body {
  Bytes digest;
  Bytes signature;
  Bytes key_der;  // a certificate, or a SubjectPublicKeyInfo
};

Result<Bytes> der_of_pem(const Bytes& pem) {
  const auto certificate = Certificate::from_pem(as_text(pem));
  if (certificate) return to_bytes(certificate->der());
  TRY(const PublicKey key, PublicKey::from_pem(as_text(pem)));
  return key.spki_der();
}

Result<Body> parse_body(const Bytes& bytes) {
  TRY_WITHIN("canonicalizedBody", const Json json, parse_json(as_text(bytes), {1U << 20, 32}));
  TRY(const std::string kind, text_at(json, {"kind"}));
  TRY(const std::string version, text_at(json, {"apiVersion"}));
  Body body;
  if (kind == "hashedrekord" && version == "0.0.2") {
    const Json& record = at(json, {"spec", "hashedRekordV002"});
    TRY(body.digest, base64_at(record, {"data", "digest"}));
    TRY(body.signature, base64_at(record, {"signature", "content"}));
    const Json& verifier = at(record, {"signature", "verifier"});
    const bool certificate = at(verifier, {"x509Certificate"}).is_object();
    TRY(body.key_der,
        base64_at(verifier, {certificate ? "x509Certificate" : "publicKey", "rawBytes"}));
    return body;
  }
  if (kind == "hashedrekord" && version == "0.0.1") {
    TRY(const std::string hex, text_at(json, {"spec", "data", "hash", "value"}));
    TRY(body.digest, from_hex(hex));
    TRY(body.signature, base64_at(json, {"spec", "signature", "content"}));
    TRY(const Bytes pem, base64_at(json, {"spec", "signature", "publicKey", "content"}));
    TRY(body.key_der, der_of_pem(pem));
    return body;
  }
  return fail(incomplete(rules::sigstore_body, "the log's entry is of a kind not read here")
                  .expected("hashedrekord 0.0.1 or 0.0.2")
                  .found(printable(kind + " " + version, 60)));
}

Error wrong_body(std::string what) {
  return refused(rules::sigstore_body, std::move(what));
}

Status check_signature(const SigstoreBundle& bundle, const Body& body,
                       std::optional<ByteView> signed_bytes) {
  if (!bundle.certificate || !signed_bytes) return {};
  if (!equal(bundle.certificate->der(), body.key_der))
    return fail(wrong_body("the log's entry names another certificate than the bundle"));
  TRY(const PublicKey key, bundle.certificate->public_key());
  const SignatureScheme scheme = key.kind() == KeyKind::ed25519      ? SignatureScheme::ed25519
                                 : key.kind() == KeyKind::ecdsa_p384 ? SignatureScheme::ecdsa_sha384
                                 : key.kind() == KeyKind::rsa ? SignatureScheme::rsa_pkcs1_sha256
                                                              : SignatureScheme::ecdsa_sha256;
  return key.verify(scheme, *signed_bytes, bundle.signature);
}

Status check_body(const SigstoreBundle& bundle, const SigstoreEntry& entry,
                  std::optional<ByteView> artifact) {
  TRY(const Body body, parse_body(entry.body));
  if (body.signature != bundle.signature)
    return fail(wrong_body("the log's entry holds another signature than the bundle"));
  std::optional<ByteView> signed_bytes = artifact;
  if (bundle.signed_bytes) signed_bytes = ByteView(*bundle.signed_bytes);
  if (bundle.digest && *bundle.digest != body.digest)
    return fail(wrong_body("the log's entry is of another digest than the bundle"));
  if (signed_bytes && !equal(sha256(*signed_bytes), body.digest))
    return fail(wrong_body("the log's entry is not of what was signed")
                    .expected(to_hex(sha256(*signed_bytes)))
                    .found(to_hex(body.digest)));
  return check_signature(bundle, body, signed_bytes);
}

bool names(const VerifierKey& key, const Bytes& log_id) {
  return log_id.size() >= key.id().size() &&
         equal(ByteView(log_id).first(key.id().size()), ByteView(key.id()));
}

Result<transparency::Checkpoint> check_checkpoint(const SigstoreEntry& entry,
                                                  const VerifierKey& log) {
  TRY_WITHIN("checkpoint", const auto note, transparency::parse_note(as_bytes(entry.checkpoint)));
  TRY_WITHIN("checkpoint", auto checkpoint, transparency::parse_checkpoint(note.text));
  TRY_WITHIN("checkpoint", const auto verified,
             transparency::verify_note(note, std::span(&log, 1)));
  if (checkpoint.origin != log.name() && !checkpoint.origin.starts_with(log.name() + " - "))
    return fail(refused(rules::rekor_checkpoint, "the checkpoint is another log's")
                    .expected(log.name())
                    .found(printable(checkpoint.origin, 80)));
  if (checkpoint.size != entry.size || checkpoint.root != entry.root)
    return fail(refused(rules::rekor_checkpoint, "the proof is not of the checkpoint's tree")
                    .expected("size " + std::to_string(checkpoint.size))
                    .found("size " + std::to_string(entry.size)));
  return checkpoint;
}

}  // namespace

Result<SigstoreBundle> parse_sigstore_bundle(std::string_view text) {
  TRY(const Json json, parse_json(text));
  const Json& material = at(json, {"verificationMaterial"});
  const Json& entries = at(material, {"tlogEntries"});
  if (!entries.is_array() || entries.empty() || entries.size() > max_entries)
    return fail(refused(rules::sigstore_no_proof, "the bundle names no log entry")
                    .expected("1 to 16 entries under tlogEntries"));
  SigstoreBundle bundle;
  for (const Json& each : entries) {
    TRY_WITHIN("tlogEntries", bundle.entries.emplace_back(), parse_entry(each));
  }
  TRY(bundle.certificate, parse_certificate(material));
  TRY_VOID(parse_content(json, bundle));
  return bundle;
}

Result<std::vector<VerifierKey>> parse_sigstore_logs(std::string_view trusted_root) {
  TRY(const Json json, parse_json(trusted_root));
  const Json& logs = at(json, {"tlogs"});
  if (!logs.is_array()) return fail(malformed("a trusted root names no logs").within("tlogs"));
  std::vector<VerifierKey> keys;
  for (const Json& log : logs) {
    TRY(std::string host, text_at(log, {"baseUrl"}));
    if (const auto scheme = host.find("://"); scheme != host.npos) host.erase(0, scheme + 3);
    host = host.substr(0, host.find('/'));
    TRY(const Bytes der, base64_at(log, {"publicKey", "rawBytes"}));
    TRY_WITHIN(printable(host), const PublicKey key, PublicKey::from_spki_der(der));
    if (key.kind() != KeyKind::ed25519 && key.kind() != KeyKind::ecdsa_p256) continue;
    const bool ed25519 = key.kind() == KeyKind::ed25519;
    TRY(VerifierKey named,
        VerifierKey::make(host, ed25519 ? NoteKeyType::ed25519 : NoteKeyType::ecdsa, key));
    keys.push_back(std::move(named));
  }
  return keys;
}

Result<VerifiedSigstoreEntry> verify_sigstore_entry(const SigstoreBundle& bundle,
                                                    const std::vector<VerifierKey>& logs,
                                                    std::optional<ByteView> artifact) {
  std::optional<VerifiedSigstoreEntry> first;
  for (const SigstoreEntry& entry : bundle.entries) {
    const auto log = std::ranges::find_if(
        logs, [&](const VerifierKey& key) { return names(key, entry.log_id); });
    if (log == logs.end())
      return fail(incomplete(rules::sigstore_unknown_log, "the bundle's log is not a known one")
                      .found("log id " + to_hex(entry.log_id))
                      .next("name its key with --key or --trusted-root"));
    TRY(auto checkpoint, check_checkpoint(entry, *log));
    TRY_VOID(transparency::verify_inclusion(
        entry.index, entry.size, transparency::leaf_hash(entry.body), entry.path, entry.root));
    TRY_VOID(check_body(bundle, entry, artifact));
    if (!first) first = VerifiedSigstoreEntry(std::move(checkpoint), entry.index, *log);
  }
  return *std::move(first);
}

}  // namespace attest::ledger
