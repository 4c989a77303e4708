#include "libattest/model/oms_signature.h"

#include <algorithm>

#include <openssl/x509v3.h>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/model/oms_signature_verifier.h"
#include "libattest/statement/in_toto.h"

namespace attest::model {

namespace {

constexpr std::string_view oms_media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view code_signing = "1.3.6.1.5.5.7.3.3";

std::unexpected<Error> bad_envelope(std::string what, std::string expected, std::string found) {
  return fail(refused(rules::oms_envelope, std::move(what))
                  .expected(std::move(expected))
                  .found(std::move(found)));
}

bool is_elliptic(KeyKind kind) {
  return kind == KeyKind::ecdsa_p256 || kind == KeyKind::ecdsa_p384 || kind == KeyKind::ecdsa_p521;
}

Status check_curve(const PublicKey& key) {
  if (is_elliptic(key.kind())) return {};
  return fail(refused(rules::oms_key, "a key of this kind signs no models")
                  .expected("ECDSA on P-256, P-384 or P-521")
                  .found(std::string(to_string(key.kind()))));
}

// repr of Python's bytes, as version 0.2 signed it.
std::string python_repr(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  const bool single = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = single ? '"' : '\'';
  std::string repr = std::string("b") + quote;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == quote)
      repr += std::string("\\") + c;
    else if (c == '\n')
      repr += "\\n";
    else if (c == '\r')
      repr += "\\r";
    else if (c == '\t')
      repr += "\\t";
    else if (byte < 0x20 || byte >= 0x7f)
      repr += "\\x" + to_hex(std::as_bytes(std::span(&byte, 1)));
    else
      repr += c;
  }
  return repr + quote;
}

Bytes old_message(const statement::UntrustedEnvelope& envelope) {
  return to_bytes("DSSEV1 " + std::to_string(envelope.payload_type.size()) + " " +
                  envelope.payload_type + " " + std::to_string(envelope.payload.size()) + " " +
                  python_repr(envelope.payload));
}

// The payload says which way it was signed: the old way must open no door for new statements.
bool is_version_0_2(ByteView payload) {
  const auto parsed = statement::parse_in_toto(payload);
  return parsed && parsed->predicate_type == oms_old_predicate_type;
}

Status check_hint(const KeyMaterial& material, const PublicKey& key) {
  if (!material.hint.empty()) {
    if (material.hint == oms_hint(key)) return {};
    return fail(refused(rules::oms_hint, "the bundle was signed by another key than this one")
                    .expected("hint " + oms_hint(key))
                    .found(printable(material.hint, 80)));
  }
  const auto named = PublicKey::from_pem(material.pem);
  if (named && *named == key) return {};
  return fail(refused(rules::oms_hint, "the bundle does not name this key")
                  .expected("hint " + oms_hint(key))
                  .found(material.pem.empty() ? "no hint" : "another key"));
}

Status check_use(const Certificate& leaf) {
  if (!leaf.extended_key_usage().empty()) return {};  // verify_chain asked for code signing
  const std::uint32_t usage = X509_get_key_usage(leaf.openssl());
  if (usage != UINT32_MAX && (usage & KU_DIGITAL_SIGNATURE) != 0) return {};
  return fail(refused(rules::oms_certificate_use, "the certificate is not for signing")
                  .expected("extended key usage code signing, or key usage digital signature"));
}

}  // namespace

Result<OmsSignatureVerifier> OmsSignatureVerifier::of(const UntrustedBundle& bundle) {
  if (bundle.media_type != oms_media_type)
    return bad_envelope("the bundle has another media type than model signatures have",
                        std::string(oms_media_type), printable(bundle.media_type, 80));
  if (!bundle.envelope)
    return bad_envelope("the bundle signs a file, not a statement about a model", "a DSSE envelope",
                        "messageSignature");
  const statement::UntrustedEnvelope& envelope = *bundle.envelope;
  if (envelope.payload_type != statement::in_toto_payload_type)
    return bad_envelope("the envelope holds no in-toto statement",
                        std::string(statement::in_toto_payload_type),
                        printable(envelope.payload_type, 80));
  if (envelope.signatures.size() != 1)
    return bad_envelope("a model's envelope has one signature", "1",
                        std::to_string(envelope.signatures.size()));
  if (!envelope.signatures.front().key_id.empty())
    return bad_envelope("a model's signature has no key id", "none or empty",
                        printable(envelope.signatures.front().key_id, 80));
  return OmsSignatureVerifier(envelope);
}

Result<VerifiedOmsStatement> OmsSignatureVerifier::verify(OmsSigner signer) const {
  if (is_version_0_2(envelope_->payload)) {
    const Status holds = signer.key.verify(SignatureScheme::ecdsa_sha256, old_message(*envelope_),
                                           envelope_->signatures.front().signature);
    if (!holds)
      return fail(refused(rules::dsse_signature, "the signature of version 0.2 does not hold"));
  } else {
    TRY_VOID(statement::verify_dsse(*envelope_, std::span(&signer.key, 1),
                                    statement::SignatureCount::exactly_one));
  }
  TRY(OmsStatement statement, parse_oms_statement(envelope_->payload));
  return VerifiedOmsStatement(std::move(statement), std::move(signer));
}

std::string oms_hint(const PublicKey& key) {
  return to_hex(sha256(as_bytes(key.to_pem())));
}

Result<VerifiedOmsStatement> verify_oms_with_key(const UntrustedBundle& bundle,
                                                 const PublicKey& key) {
  TRY(const OmsSignatureVerifier verifier, OmsSignatureVerifier::of(bundle));
  if (!bundle.key)
    return fail(refused(rules::oms_method, "the bundle was signed with a certificate, not a key")
                    .next("verify it with --roots, or with --trusted-root"));
  TRY_VOID(check_curve(key));
  TRY_VOID(check_hint(*bundle.key, key));
  return verifier.verify({.method = "key", .key = key});
}

Result<VerifiedOmsStatement> verify_oms_with_certificates(const UntrustedBundle& bundle,
                                                          const std::vector<Certificate>& roots,
                                                          Time at) {
  TRY(const OmsSignatureVerifier verifier, OmsSignatureVerifier::of(bundle));
  if (bundle.certificates.empty())
    return fail(refused(rules::oms_method, "the bundle was signed with a key, not a certificate")
                    .next("verify it with --key"));
  const Certificate& leaf = bundle.certificates.front();
  ChainRules rules{.at = at, .leaf_may_be_ca = true};
  if (!leaf.extended_key_usage().empty()) rules.required_eku = std::string(code_signing);
  const std::vector<Certificate> intermediates(bundle.certificates.begin() + 1,
                                               bundle.certificates.end());
  auto chain = verify_chain(leaf, intermediates, roots, rules);
  if (!chain) {
    // The bundle brings its chain and the verifier its roots: nothing is left that could come.
    Error error = std::move(chain).error();
    error.kind = ErrorKind::refused;
    return fail(std::move(error).within("certificate"));
  }
  TRY_VOID(check_use(leaf));
  TRY(const PublicKey key, leaf.public_key());
  TRY_VOID(check_curve(key));
  return verifier.verify({.method = "certificate", .key = key, .chain = chain->certificates()});
}

}  // namespace attest::model
