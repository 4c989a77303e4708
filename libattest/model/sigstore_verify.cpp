#include "libattest/model/sigstore_verify.h"

#include <algorithm>

#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "libattest/base/text.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/model/oms_signature_verifier.h"
#include "libattest/model/rekor_entry.h"
#include "libattest/model/sct.h"
#include "libattest/model/timestamp.h"
#include "libattest/statement/in_toto.h"

namespace attest::model {

namespace {

constexpr std::string_view code_signing = "1.3.6.1.5.5.7.3.3";
constexpr std::string_view issuer_v2 = "1.3.6.1.4.1.57264.1.8";
constexpr std::string_view issuer_v1 = "1.3.6.1.4.1.57264.1.1";

std::unexpected<Error> refuse(Rule rule, std::string what) {
  return fail(refused(rule, std::move(what)));
}

// Version 2 of the issuer's extension is DER, version 1 is the bare text.
std::string issuer_in(const Certificate& leaf) {
  const openssl::CleanErrors clean;
  if (const auto value = leaf.extension(issuer_v2)) {
    const unsigned char* at = openssl::data(*value);
    const std::unique_ptr<ASN1_UTF8STRING, openssl::Free<ASN1_UTF8STRING_free>> text(
        d2i_ASN1_UTF8STRING(nullptr, &at, static_cast<long>(value->size())));
    if (!text || at != openssl::data(*value) + value->size()) return {};
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text.get())),
            static_cast<std::size_t>(ASN1_STRING_length(text.get()))};
  }
  const auto value = leaf.extension(issuer_v1);
  return value ? std::string(as_text(*value)) : std::string();
}

std::string text_of(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

// Fulcio gives a certificate one name: an address, a URI, or a name of its own kind.
std::vector<std::string> identities_in(const Certificate& leaf) {
  const openssl::CleanErrors clean;
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, openssl::Free<GENERAL_NAMES_free>> found(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(leaf.openssl(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type == GEN_EMAIL || name->type == GEN_URI)
      names.push_back(text_of(name->d.ia5));
    else if (name->type == GEN_OTHERNAME && name->d.otherName->value->type == V_ASN1_UTF8STRING)
      names.push_back(text_of(name->d.otherName->value->value.utf8string));
  }
  return names;
}

std::optional<HashAlgorithm> hash_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256:
    case KeyKind::rsa:
      return HashAlgorithm::sha256;
    case KeyKind::ecdsa_p384:
      return HashAlgorithm::sha384;
    case KeyKind::ecdsa_p521:
      return HashAlgorithm::sha512;
    default:
      return std::nullopt;
  }
}

// A message signature is over a digest that stands for a file of any size.
bool digest_signed(const PublicKey& key, HashAlgorithm hash, ByteView digest, ByteView signature) {
  const openssl::CleanErrors clean;
  if (field_size(key.kind()) != 0) {
    const auto fixed = fixed_from_der(key.kind(), signature);
    if (!fixed || !check_range(key.kind(), *fixed)) return false;
  }
  const openssl::KeyContext context(EVP_PKEY_CTX_new(key.openssl(), nullptr));
  return context && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), openssl::digest_method(hash)) == 1 &&
         EVP_PKEY_verify(context.get(), openssl::data(signature), signature.size(),
                         openssl::data(digest), digest.size()) == 1;
}

Status check_named(const statement::UntrustedEnvelope& envelope, const ArtefactDigest& artefact) {
  if (!artefact) return {};
  TRY(const auto statement, statement::parse_in_toto(envelope.payload));
  for (const statement::InTotoSubject& subject : statement.subjects)
    for (const auto& [algorithm, hex] : subject.digests) {
      const auto hash = hash_by_name(algorithm);
      if (!hash || *hash == HashAlgorithm::sha1) continue;
      const auto digest = artefact(*hash);
      if (digest && to_hex(*digest) == hex) return {};
    }
  return refuse(rules::keyless_signature, "the signed statement does not name this file's digest");
}

}  // namespace

class SigstoreVerifier {
 public:
  SigstoreVerifier(const UntrustedBundle& bundle, const ArtefactDigest& artefact)
      : bundle_(bundle), artefact_(artefact) {}

  Result<VerifiedSignature> by_certificate(const SigstoreTrust& trust,
                                           const ExpectedSigner& expected) {
    TRY_VOID(check_material(trust));
    const Certificate& leaf = bundle_.certificates.front();
    TRY(const PublicKey key, leaf.public_key());
    TRY_VOID(check_content(key));
    if (bundle_.log_entries.empty())
      return refuse(rules::keyless_log, "no log entry is in the bundle");
    TRY_VOID(check_log(trust, {signature(), leaf.der(), key}));
    TRY_VOID(gather_timestamps(trust));
    if (times_.empty()) return refuse(rules::keyless_time, "nothing proves when this was signed");
    std::optional<VerifiedChain> chain;
    for (const Time time : times_) {
      TRY(chain, chain_at(leaf, trust, time));
    }
    TRY_VOID(verify_embedded_sct(leaf, chain->certificates().at(1), trust.certificate_logs));
    TRY_VOID(check_identity(leaf, expected));
    return finish({.method = "sigstore",
                   .key = key,
                   .chain = chain->certificates(),
                   .identity = expected.identity,
                   .issuer = expected.issuer});
  }

  Result<VerifiedSignature> by_key(const PublicKey& key,
                                   const std::optional<SigstoreTrust>& trust) {
    if (!bundle_.key)
      return refuse(rules::keyless_material, "the bundle was signed with a certificate, not a key");
    TRY_VOID(check_content(key));
    if (trust) {
      TRY_VOID(check_log(*trust, {signature(), {}, key}));
      TRY_VOID(gather_timestamps(*trust));
      const bool stated = !bundle_.log_entries.empty() || !bundle_.timestamps.empty();
      if (stated && times_.empty())
        return refuse(rules::keyless_time, "nothing proves when this was signed");
    }
    return finish({.method = "key", .key = key});
  }

 private:
  ByteView signature() const {
    return bundle_.message ? ByteView(bundle_.message->signature)
                           : ByteView(bundle_.envelope->signatures.front().signature);
  }

  // Old bundles brought the whole chain. What a root in one of them is worth, the trusted root
  // says.
  Status check_material(const SigstoreTrust& trust) const {
    if (bundle_.certificates.empty())
      return refuse(rules::keyless_material, "the bundle was signed with a key, not a certificate");
    const auto trusted = [&](const Certificate& root) {
      return std::ranges::any_of(trust.certificate_authorities, [&](const auto& authority) {
        return equal(authority.chain.back().der(), root.der());
      });
    };
    for (std::size_t i = 1; i < bundle_.certificates.size(); ++i) {
      const Certificate& each = bundle_.certificates[i];
      if (!each.is_self_signed()) continue;
      if (bundle_.version == BundleVersion::v0_3 || !trusted(each))
        return refuse(rules::keyless_material, "the bundle brings a root certificate");
    }
    return {};
  }

  // check_content holds the signature against the envelope, or against the artefact's digest.
  Status check_content(const PublicKey& key) {
    if (bundle_.envelope) {
      TRY_VOID(statement::verify_dsse(*bundle_.envelope, std::span(&key, 1),
                                      statement::SignatureCount::exactly_one));
      return check_named(*bundle_.envelope, artefact_);
    }
    const auto hash = hash_of(key.kind());
    if (!hash) return refuse(rules::keyless_signature, "keys of this kind sign no messages here");
    if (!artefact_)
      return fail(incomplete(rules::keyless_signature, "the signed file was not given"));
    TRY(const Bytes digest, artefact_(*hash));
    TRY(artefact_sha256_, artefact_(HashAlgorithm::sha256));
    const MessageSignature& message = *bundle_.message;
    if (message.algorithm == "SHA2_256" && !equal(message.digest, artefact_sha256_))
      return refuse(rules::keyless_signature, "the bundle was made for another file");
    if (!digest_signed(key, *hash, digest, message.signature))
      return refuse(rules::keyless_signature, "the signature does not hold over this file");
    return {};
  }

  Status check_log(const SigstoreTrust& trust, LoggedContent content) {
    content.envelope = bundle_.envelope ? &*bundle_.envelope : nullptr;
    content.artefact_sha256 = artefact_sha256_;
    for (const LogEntry& entry : bundle_.log_entries) {
      const auto log = std::ranges::find_if(
          trust.logs, [&](const SigstoreLog& each) { return equal(each.id, entry.log_id); });
      if (log == trust.logs.end())
        return refuse(rules::keyless_log, "the entry's log is not trusted");
      TRY_VOID(verify_logged(entry, *log, bundle_.version != BundleVersion::v0_1));
      TRY_VOID(check_entry_is_about(entry, content));
      logs_.push_back(&*log);
      if (!entry.signed_entry_timestamp.empty()) {
        if (!log->valid.holds(*entry.integrated))
          return refuse(rules::keyless_log, "the log was not valid at the entry's time");
        times_.push_back(*entry.integrated);
      }
    }
    return {};
  }

  // A timestamp that does not hold proves nothing; it does not spoil those that do.
  Status gather_timestamps(const SigstoreTrust& trust) {
    for (const Bytes& each : bundle_.timestamps) {
      const auto time = verify_timestamp(each, signature(), trust.timestamp_authorities);
      if (!time) continue;
      for (const SigstoreLog* log : logs_)
        if (!log->valid.holds(*time))
          return refuse(rules::keyless_log, "the log was not valid at the timestamp's time");
      times_.push_back(*time);
    }
    return {};
  }

  static Result<VerifiedChain> chain_at(const Certificate& leaf, const SigstoreTrust& trust,
                                        Time time) {
    std::string why = "no authority was valid then";
    for (const SigstoreAuthority& authority : trust.certificate_authorities) {
      if (!authority.valid.holds(time)) continue;
      const std::vector<Certificate> between(authority.chain.begin(), authority.chain.end() - 1);
      auto chain = verify_chain(leaf, between, {authority.chain.back()},
                                {.at = time, .required_eku = std::string(code_signing)});
      if (chain && chain->certificates().size() > 1) return chain;
      if (!chain) why = chain.error().what;
    }
    return fail(refused(rules::keyless_chain,
                        "the certificate does not lead to a trusted authority: " + why)
                    .found("at " + to_rfc3339(time)));
  }

  static Status check_identity(const Certificate& leaf, const ExpectedSigner& expected) {
    const std::string issuer = issuer_in(leaf);
    if (issuer != expected.issuer)
      return fail(refused(rules::keyless_identity, "another issuer vouched for the signer")
                      .expected(expected.issuer)
                      .found(printable(issuer)));
    const auto names = identities_in(leaf);
    if (std::ranges::find(names, expected.identity) != names.end()) return {};
    return fail(refused(rules::keyless_identity, "somebody else signed")
                    .expected(expected.identity)
                    .found(names.empty() ? "nobody" : printable(names.front())));
  }

  VerifiedSignature finish(OmsSigner signer) {
    if (!times_.empty()) signer.signed_at = *std::ranges::min_element(times_);
    VerifiedSignature verified(std::move(signer));
    verified.times_ = std::move(times_);
    verified.envelope_ = bundle_.envelope;
    return verified;
  }

  const UntrustedBundle& bundle_;
  const ArtefactDigest& artefact_;
  Bytes artefact_sha256_;
  std::vector<Time> times_;
  std::vector<const SigstoreLog*> logs_;
};

Result<VerifiedSignature> verify_sigstore_bundle(const UntrustedBundle& bundle,
                                                 const SigstoreTrust& trust,
                                                 const ExpectedSigner& expected,
                                                 const ArtefactDigest& artefact) {
  return SigstoreVerifier(bundle, artefact).by_certificate(trust, expected);
}

Result<VerifiedSignature> verify_managed_key_bundle(const UntrustedBundle& bundle,
                                                    const PublicKey& key,
                                                    const std::optional<SigstoreTrust>& trust,
                                                    const ArtefactDigest& artefact) {
  return SigstoreVerifier(bundle, artefact).by_key(key, trust);
}

Status verify_envelope(const statement::UntrustedEnvelope& envelope, const PublicKey& key,
                       const ArtefactDigest& artefact) {
  statement::UntrustedEnvelope in_der = envelope;
  const std::size_t fixed_size = 2 * field_size(key.kind());
  for (statement::DsseSignature& each : in_der.signatures)
    if (fixed_size != 0 && each.signature.size() == fixed_size)
      each.signature = der_from_fixed(each.signature);
  TRY_VOID(statement::verify_dsse(std::move(in_der), std::span(&key, 1)));
  return check_named(envelope, artefact);
}

Result<VerifiedOmsStatement> verify_oms_keyless(const UntrustedBundle& bundle,
                                                const SigstoreTrust& trust,
                                                const ExpectedSigner& expected) {
  TRY(const OmsSignatureVerifier verifier, OmsSignatureVerifier::of(bundle));
  if (bundle.certificates.empty())
    return refuse(rules::oms_method, "the bundle was signed with a key, not an identity");
  TRY(const VerifiedSignature verified, verify_sigstore_bundle(bundle, trust, expected, {}));
  return verifier.verify(verified.signer());
}

}  // namespace attest::model
