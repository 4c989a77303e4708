// Sigstore bundles (sigstore/protobuf-specs, sigstore_bundle.proto, in its JSON form): a signature,
// by what it can be verified, and what logs and timestamp authorities say of it. OpenSSF Model
// Signing travels in the same form.
//
// parse_sigstore_bundle checks form only: nothing in an UntrustedBundle was verified.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/statement/dsse.h"

namespace attest::model {

enum class BundleVersion { v0_1, v0_2, v0_3 };

// KeyMaterial names a key without giving one to be trusted.
struct KeyMaterial {
  std::string hint;  // may be empty
  std::string pem;   // what releases of model signing before 1.1 wrote instead of a hint
};

struct InclusionProof {
  std::uint64_t index = 0;
  std::uint64_t tree_size = 0;
  Sha256 root{};
  std::vector<Sha256> hashes;
  std::string checkpoint;  // a signed note; may be empty
};

// LogEntry is what a bundle says of one entry of a Rekor log.
struct LogEntry {
  std::uint64_t index = 0;
  Bytes log_id;
  std::string kind;
  std::string version;
  std::optional<Time> integrated;  // absent in version 2 of Rekor
  Bytes signed_entry_timestamp;    // empty where there is none
  std::optional<InclusionProof> proof;
  Bytes body;
};

struct MessageSignature {
  std::string algorithm;  // "SHA2_256"; empty where the bundle gives no digest
  Bytes digest;           // unsigned, a hint
  Bytes signature;
};

struct UntrustedBundle {
  std::string media_type;
  BundleVersion version = BundleVersion::v0_3;
  // Exactly one of: a key, or one or more certificates, leaf first.
  std::optional<KeyMaterial> key;
  std::vector<Certificate> certificates;
  std::vector<LogEntry> log_entries;
  std::vector<Bytes> timestamps;  // RFC 3161 responses in DER
  // Exactly one of:
  std::optional<statement::UntrustedEnvelope> envelope;
  std::optional<MessageSignature> message;
};

// parse_sigstore_bundle refuses, by rules::sigstore_bundle_form and the JSON, base64 and
// certificate rules: JSON that is not strict; an unknown mediaType (rules::bundle_media_type); both
// or none of the members of a choice; broken base64; an empty certificate chain; numbers that are
// negative or do not fit; more than 32 log entries or timestamps. Unknown members are passed over.
Result<UntrustedBundle> parse_sigstore_bundle(std::string_view json);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule sigstore_bundle_form{"model.bundle.form"};
inline constexpr Rule bundle_media_type{"model.bundle.media-type"};
}  // namespace attest::rules
