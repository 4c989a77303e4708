#include "libattest/model/rekor_entry.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/model/sigstore_verify.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/tree.h"

namespace attest::model {

namespace {

std::unexpected<Error> refuse(Rule rule, std::string what) {
  return fail(refused(rule, "log entry: " + std::move(what)));
}

std::optional<SignatureScheme> scheme_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::ed25519:
      return SignatureScheme::ed25519;
    case KeyKind::ecdsa_p256:
      return SignatureScheme::ecdsa_sha256;
    case KeyKind::ecdsa_p384:
      return SignatureScheme::ecdsa_sha384;
    case KeyKind::rsa:
      return SignatureScheme::rsa_pkcs1_sha256;
    default:
      return std::nullopt;
  }
}

bool log_signed(const SigstoreLog& log, ByteView message, ByteView signature) {
  const auto scheme = scheme_of(log.key.kind());
  return scheme && log.key.verify(*scheme, message, signature).has_value();
}

// The signed entry timestamp is over canonical JSON (RFC 8785) of four members.
Status verify_promise(const LogEntry& entry, const SigstoreLog& log) {
  if (!entry.integrated) return refuse(rules::keyless_set, "it promises a time and states none");
  const std::string message =
      "{\"body\":\"" + to_base64(entry.body) +
      "\",\"integratedTime\":" + std::to_string(unix_seconds(*entry.integrated)) + ",\"logID\":\"" +
      to_hex(entry.log_id) + "\",\"logIndex\":" + std::to_string(entry.index) + "}";
  if (log_signed(log, as_bytes(message), entry.signed_entry_timestamp)) return {};
  return refuse(rules::keyless_set, "its signed timestamp is not by its log");
}

// A checkpoint's signer is found by the id of its key and must go by the origin's name. Other
// lines, of witnesses and of other keys, are passed over.
Status verify_log_checkpoint(const InclusionProof& proof, const SigstoreLog& log) {
  auto note = transparency::parse_note(as_bytes(proof.checkpoint));
  if (!note) return fail(std::move(note).error().within("checkpoint"));
  auto checkpoint = transparency::parse_checkpoint(note->text);
  if (!checkpoint) return fail(std::move(checkpoint).error().within("checkpoint"));
  const bool by_log = std::ranges::any_of(note->signatures, [&](const auto& line) {
    const bool named =
        checkpoint->origin == line.name || checkpoint->origin.starts_with(line.name + " - ");
    return named && log.id.size() >= line.id.size() &&
           equal(ByteView(log.id).first(line.id.size()), line.id) &&
           log_signed(log, as_bytes(note->text), line.signature);
  });
  if (!by_log) return refuse(rules::keyless_checkpoint, "its log did not sign the checkpoint");
  if (checkpoint->size == proof.tree_size && equal(checkpoint->root, proof.root)) return {};
  return refuse(rules::keyless_checkpoint, "the checkpoint is of another tree than the proof");
}

Status verify_proof(const LogEntry& entry, const SigstoreLog& log, bool checkpoint_required) {
  const InclusionProof& proof = *entry.proof;
  const auto included = transparency::verify_inclusion(
      proof.index, proof.tree_size, transparency::leaf_hash(entry.body), proof.hashes, proof.root);
  if (!included)
    return refuse(rules::keyless_inclusion,
                  "it is not in the tree of its proof (" + included.error().what + ")");
  if (proof.checkpoint.empty() && !checkpoint_required) return {};
  if (proof.checkpoint.empty())
    return refuse(rules::keyless_inclusion, "its proof has no checkpoint");
  return verify_log_checkpoint(proof, log);
}

// Body reads the parts of an entry's body; a part that is missing is an empty one.
class Body {
 public:
  explicit Body(const Json& spec) : spec_(spec) {}
  const Json* at(std::initializer_list<const char*> path) const {
    const Json* place = &spec_;
    for (const char* name : path) {
      if (place->is_array() && place->size() == 1) place = &place->front();
      if (!place->is_object() || !place->contains(name)) return nullptr;
      place = &place->at(name);
    }
    return place;
  }
  std::string text(std::initializer_list<const char*> path) const {
    const Json* place = at(path);
    const auto* found = place == nullptr ? nullptr : place->get_ptr<const std::string*>();
    return found == nullptr ? "" : *found;
  }
  Bytes base64(std::initializer_list<const char*> path) const {
    return from_base64(text(path)).value_or(Bytes());
  }

 private:
  const Json& spec_;
};

Status must_be(bool same, std::string_view what) {
  if (same) return {};
  return refuse(rules::keyless_entry, "it is about another " + std::string(what));
}

// The verifier of version 1 is base64 of PEM, of a certificate or a key.
bool names_signer(ByteView pem, const LoggedContent& content) {
  if (!content.certificate.empty()) {
    const auto certificate = Certificate::from_pem(as_text(pem));
    return certificate && equal(certificate->der(), content.certificate);
  }
  const auto key = PublicKey::from_pem(as_text(pem));
  return key && *key == content.key;
}

bool names_signer(const Json* verifier, const LoggedContent& content) {
  if (verifier == nullptr) return false;
  const Body body(*verifier);
  if (!content.certificate.empty())
    return equal(body.base64({"x509Certificate", "rawBytes"}), content.certificate);
  return equal(body.base64({"publicKey", "rawBytes"}), content.key.spki_der());
}

Bytes signed_sha256(const LoggedContent& content) {
  if (content.envelope == nullptr) return content.artefact_sha256;
  return to_bytes(
      sha256(statement::dsse_pae(content.envelope->payload_type, content.envelope->payload)));
}

bool is_hex_of(const std::string& hex, ByteView digest) {
  return !digest.empty() && hex == to_hex(digest);
}

Status check_hashedrekord_1(const Body& body, const LoggedContent& content) {
  TRY_VOID(must_be(equal(body.base64({"signature", "content"}), content.signature), "signature"));
  TRY_VOID(
      must_be(names_signer(body.base64({"signature", "publicKey", "content"}), content), "signer"));
  return must_be(body.text({"data", "hash", "algorithm"}) == "sha256" &&
                     is_hex_of(body.text({"data", "hash", "value"}), signed_sha256(content)),
                 "content");
}

Status check_hashedrekord_2(const Body& body, const LoggedContent& content) {
  TRY_VOID(
      must_be(equal(body.base64({"hashedRekordV002", "signature", "content"}), content.signature),
              "signature"));
  TRY_VOID(must_be(names_signer(body.at({"hashedRekordV002", "signature", "verifier"}), content),
                   "signer"));
  const Bytes digest = signed_sha256(content);
  return must_be(body.text({"hashedRekordV002", "data", "algorithm"}) == "SHA2_256" &&
                     !digest.empty() &&
                     equal(body.base64({"hashedRekordV002", "data", "digest"}), digest),
                 "content");
}

Status check_dsse_1(const Body& body, const LoggedContent& content) {
  if (content.envelope == nullptr) return must_be(false, "kind of content");
  TRY_VOID(
      must_be(equal(body.base64({"signatures", "signature"}), content.signature), "signature"));
  TRY_VOID(must_be(names_signer(body.base64({"signatures", "verifier"}), content), "signer"));
  return must_be(is_hex_of(body.text({"payloadHash", "value"}), sha256(content.envelope->payload)),
                 "content");
}

Status check_dsse_2(const Body& body, const LoggedContent& content) {
  if (content.envelope == nullptr) return must_be(false, "kind of content");
  TRY_VOID(must_be(equal(body.base64({"dsseV002", "signatures", "content"}), content.signature),
                   "signature"));
  TRY_VOID(
      must_be(names_signer(body.at({"dsseV002", "signatures", "verifier"}), content), "signer"));
  return must_be(
      equal(body.base64({"dsseV002", "payloadHash", "digest"}), sha256(content.envelope->payload)),
      "content");
}

// Kind intoto holds the signature as base64 of base64; version 0.0.1 holds none.
Status check_intoto(const Body& body, const LoggedContent& content, bool version_2) {
  if (content.envelope == nullptr) return must_be(false, "kind of content");
  const Bytes signer = version_2 ? body.base64({"content", "envelope", "signatures", "publicKey"})
                                 : body.base64({"publicKey"});
  TRY_VOID(must_be(names_signer(signer, content), "signer"));
  if (version_2) {
    const Bytes inner = body.base64({"content", "envelope", "signatures", "sig"});
    const auto signature = from_base64(as_text(inner));
    TRY_VOID(must_be(signature && equal(*signature, content.signature), "signature"));
  }
  return must_be(
      is_hex_of(body.text({"content", "payloadHash", "value"}), sha256(content.envelope->payload)),
      "content");
}

}  // namespace

Status verify_logged(const LogEntry& entry, const SigstoreLog& log, bool proof_required) {
  if (!entry.signed_entry_timestamp.empty()) TRY_VOID(verify_promise(entry, log));
  if (entry.proof) return verify_proof(entry, log, proof_required);
  if (proof_required || entry.signed_entry_timestamp.empty())
    return refuse(rules::keyless_inclusion, "nothing proves that it was logged");
  return {};
}

Status check_entry_is_about(const LogEntry& entry, const LoggedContent& content) {
  TRY_WITHIN("log entry", const Json whole, parse_json(as_text(entry.body)));
  const Body outer(whole);
  const std::string kind = outer.text({"kind"});
  const std::string version = outer.text({"apiVersion"});
  if (kind != entry.kind || version != entry.version)
    return refuse(rules::keyless_entry, "it is of another kind than the bundle says");
  const Json* spec = outer.at({"spec"});
  if (spec == nullptr) return refuse(rules::keyless_entry, "its body has no spec");
  const Body body(*spec);
  if (kind == "hashedrekord" && version == "0.0.1") return check_hashedrekord_1(body, content);
  if (kind == "hashedrekord" && version == "0.0.2") return check_hashedrekord_2(body, content);
  if (kind == "dsse" && version == "0.0.1") return check_dsse_1(body, content);
  if (kind == "dsse" && version == "0.0.2") return check_dsse_2(body, content);
  if (kind == "intoto" && (version == "0.0.1" || version == "0.0.2"))
    return check_intoto(body, content, version == "0.0.2");
  return fail(refused(rules::keyless_entry, "log entry: its kind is not known here")
                  .found(printable(kind, 40) + " " + printable(version, 20)));
}

}  // namespace attest::model
