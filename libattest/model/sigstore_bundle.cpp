#include "libattest/model/sigstore_bundle.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr std::size_t max_bundle_size = 512U << 20;
constexpr std::size_t max_repeated = 32;
constexpr std::size_t max_proof_length = 64;

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::sigstore_bundle_form, "bundle: " + std::move(what)));
}

// member gives nullptr for a member that is absent or null: to protobuf both are the default.
const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<const Json*> object_member(const Json& object, const char* name) {
  const Json* found = member(object, name);
  if (found != nullptr && !found->is_object())
    return malformed("\"" + std::string(name) + "\" is no object");
  return found;
}

Result<const Json*> list_member(const Json& object, const char* name, std::size_t most) {
  const Json* found = member(object, name);
  if (found != nullptr && (!found->is_array() || found->size() > most))
    return malformed("\"" + std::string(name) + "\" is no list of at most " + std::to_string(most));
  return found;
}

Result<std::string> text_member(const Json& object, const char* name) {
  const Json* found = member(object, name);
  if (found == nullptr) return std::string();
  if (!found->is_string()) return malformed("\"" + std::string(name) + "\" is no text");
  return found->get<std::string>();
}

Result<Bytes> bytes_member(const Json& object, const char* name) {
  TRY(const std::string text, text_member(object, name));
  auto bytes = statement::from_either_base64(text);
  if (!bytes) return malformed("\"" + std::string(name) + "\" is not base64");
  return bytes;
}

Result<Sha256> as_hash(const Bytes& bytes, const char* name) {
  Sha256 hash{};
  if (bytes.size() != hash.size())
    return malformed("\"" + std::string(name) + "\" is no SHA-256 digest");
  std::ranges::copy(bytes, hash.begin());
  return hash;
}

// Protobuf writes 64-bit numbers as text and reads both.
Result<std::uint64_t> number_member(const Json& object, const char* name) {
  const Json* found = member(object, name);
  if (found == nullptr) return 0;
  std::uint64_t number = 0;
  if (found->is_number_unsigned()) {
    number = found->get<std::uint64_t>();
  } else if (const auto* text = found->get_ptr<const std::string*>()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size())
      return malformed("\"" + std::string(name) + "\" is no whole number");
  } else {
    return malformed("\"" + std::string(name) + "\" is no whole number");
  }
  if (number > std::numeric_limits<std::int64_t>::max())
    return malformed("\"" + std::string(name) + "\" is too large");
  return number;
}

Result<BundleVersion> version_of(const std::string& media_type) {
  constexpr std::array<std::pair<std::string_view, BundleVersion>, 4> known{{
      {"application/vnd.dev.sigstore.bundle+json;version=0.1", BundleVersion::v0_1},
      {"application/vnd.dev.sigstore.bundle+json;version=0.2", BundleVersion::v0_2},
      {"application/vnd.dev.sigstore.bundle+json;version=0.3", BundleVersion::v0_3},
      {"application/vnd.dev.sigstore.bundle.v0.3+json", BundleVersion::v0_3},
  }};
  for (const auto& [text, version] : known)
    if (text == media_type) return version;
  return fail(refused(rules::bundle_media_type, "unknown media type of a bundle")
                  .expected(std::string(known.back().first))
                  .found("\"" + printable(media_type, 80) + "\""));
}

Result<Certificate> read_certificate(const Json& object) {
  if (!object.is_object()) return malformed("a certificate is no object");
  TRY(const Bytes der, bytes_member(object, "rawBytes"));
  return Certificate::from_der(der);
}

Status read_chain(const Json& chain, UntrustedBundle& bundle) {
  TRY(const Json* list, list_member(chain, "certificates", max_repeated));
  if (list == nullptr || list->empty()) return malformed("the certificate chain is empty");
  for (const Json& each : *list) {
    TRY(Certificate certificate, read_certificate(each));
    bundle.certificates.push_back(std::move(certificate));
  }
  return {};
}

Status read_key(const Json& object, UntrustedBundle& bundle) {
  KeyMaterial key;
  TRY(key.hint, text_member(object, "hint"));
  TRY(const Bytes pem, bytes_member(object, "rawBytes"));
  key.pem = std::string(as_text(pem));
  bundle.key = std::move(key);
  return {};
}

Status read_signer(const Json& material, UntrustedBundle& bundle) {
  TRY(const Json* key, object_member(material, "publicKey"));
  TRY(const Json* chain, object_member(material, "x509CertificateChain"));
  TRY(const Json* single, object_member(material, "certificate"));
  if ((key != nullptr) + (chain != nullptr) + (single != nullptr) != 1)
    return malformed("it names not exactly one of publicKey, x509CertificateChain, certificate");
  if (key != nullptr) return read_key(*key, bundle);
  if (chain != nullptr) return read_chain(*chain, bundle);
  TRY(Certificate certificate, read_certificate(*single));
  bundle.certificates.push_back(std::move(certificate));
  return {};
}

Result<InclusionProof> read_proof(const Json& object) {
  InclusionProof proof;
  TRY(proof.index, number_member(object, "logIndex"));
  TRY(proof.tree_size, number_member(object, "treeSize"));
  TRY(const Bytes root, bytes_member(object, "rootHash"));
  TRY(proof.root, as_hash(root, "rootHash"));
  TRY(const Json* hashes, list_member(object, "hashes", max_proof_length));
  if (hashes != nullptr)
    for (const Json& each : *hashes) {
      const auto* text = each.get_ptr<const std::string*>();
      const auto bytes =
          text == nullptr ? Result<Bytes>(Bytes()) : statement::from_either_base64(*text);
      if (!bytes) return malformed("\"hashes\" is not base64");
      TRY(const Sha256 hash, as_hash(*bytes, "hashes"));
      proof.hashes.push_back(hash);
    }
  TRY(const Json* checkpoint, object_member(object, "checkpoint"));
  if (checkpoint != nullptr) {
    TRY(proof.checkpoint, text_member(*checkpoint, "envelope"));
  }
  return proof;
}

Result<LogEntry> read_log_entry(const Json& object) {
  if (!object.is_object()) return malformed("a log entry is no object");
  LogEntry entry;
  TRY(entry.index, number_member(object, "logIndex"));
  TRY(const Json* log, object_member(object, "logId"));
  if (log != nullptr) {
    TRY(entry.log_id, bytes_member(*log, "keyId"));
  }
  TRY(const Json* kind, object_member(object, "kindVersion"));
  if (kind != nullptr) {
    TRY(entry.kind, text_member(*kind, "kind"));
    TRY(entry.version, text_member(*kind, "version"));
  }
  TRY(const std::uint64_t integrated, number_member(object, "integratedTime"));
  if (integrated != 0) entry.integrated = from_unix(static_cast<std::int64_t>(integrated));
  TRY(const Json* promise, object_member(object, "inclusionPromise"));
  if (promise != nullptr) {
    TRY(entry.signed_entry_timestamp, bytes_member(*promise, "signedEntryTimestamp"));
  }
  TRY(const Json* proof, object_member(object, "inclusionProof"));
  if (proof != nullptr) {
    TRY(entry.proof, read_proof(*proof));
  }
  TRY(entry.body, bytes_member(object, "canonicalizedBody"));
  return entry;
}

Status read_timestamps(const Json& material, UntrustedBundle& bundle) {
  TRY(const Json* data, object_member(material, "timestampVerificationData"));
  if (data == nullptr) return {};
  TRY(const Json* list, list_member(*data, "rfc3161Timestamps", max_repeated));
  if (list == nullptr) return {};
  for (const Json& each : *list) {
    if (!each.is_object()) return malformed("a timestamp is no object");
    TRY(Bytes timestamp, bytes_member(each, "signedTimestamp"));
    bundle.timestamps.push_back(std::move(timestamp));
  }
  return {};
}

Status read_material(const Json& whole, UntrustedBundle& bundle) {
  TRY(const Json* material, object_member(whole, "verificationMaterial"));
  if (material == nullptr) return malformed("there is no verificationMaterial");
  TRY_VOID(read_signer(*material, bundle));
  TRY(const Json* entries, list_member(*material, "tlogEntries", max_repeated));
  if (entries != nullptr)
    for (const Json& each : *entries) {
      TRY_WITHIN("log entry", LogEntry entry, read_log_entry(each));
      bundle.log_entries.push_back(std::move(entry));
    }
  return read_timestamps(*material, bundle);
}

Result<MessageSignature> read_message(const Json& object) {
  MessageSignature message;
  TRY(const Json* digest, object_member(object, "messageDigest"));
  if (digest != nullptr) {
    TRY(message.algorithm, text_member(*digest, "algorithm"));
    TRY(message.digest, bytes_member(*digest, "digest"));
  }
  TRY(message.signature, bytes_member(object, "signature"));
  if (message.signature.empty()) return malformed("there is no signature");
  return message;
}

Status read_content(const Json& whole, UntrustedBundle& bundle) {
  TRY(const Json* envelope, object_member(whole, "dsseEnvelope"));
  TRY(const Json* message, object_member(whole, "messageSignature"));
  if ((envelope != nullptr) == (message != nullptr))
    return malformed("it holds not exactly one of dsseEnvelope and messageSignature");
  if (envelope != nullptr) {
    TRY(bundle.envelope, statement::parse_dsse(to_line(*envelope)));
    return {};
  }
  TRY(bundle.message, read_message(*message));
  return {};
}

}  // namespace

Result<UntrustedBundle> parse_sigstore_bundle(std::string_view json) {
  TRY_WITHIN("bundle", const Json whole, parse_json(json, {.size = max_bundle_size}));
  if (!whole.is_object()) return malformed("this is no object");
  UntrustedBundle bundle;
  TRY(bundle.media_type, text_member(whole, "mediaType"));
  TRY(bundle.version, version_of(bundle.media_type));
  TRY_VOID(read_material(whole, bundle));
  TRY_VOID(read_content(whole, bundle));
  return bundle;
}

}  // namespace attest::model
