// The trusted root of a Sigstore instance (sigstore/protobuf-specs, sigstore_trustroot.proto, in
// its JSON form): whose certificates, logs and timestamps count, and when.
//
// Nothing here was verified: the file is trusted because its reader chose it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/crypto/certificate.h"

namespace attest::model {

// TimeRange is closed at both ends, in seconds.
struct TimeRange {
  Time start;
  std::optional<Time> end;
  bool holds(Time time) const { return time >= start && (!end || time <= *end); }
};

// SigstoreLog is a Rekor log or a certificate transparency log.
struct SigstoreLog {
  std::string url;
  PublicKey key;
  Bytes id;  // how entries, checkpoints and SCTs name it
  TimeRange valid;
};

// SigstoreAuthority issues certificates or timestamps: its chain, its root last.
struct SigstoreAuthority {
  std::vector<Certificate> chain;
  TimeRange valid;
};

struct SigstoreTrust {
  std::vector<SigstoreLog> logs;
  std::vector<SigstoreLog> certificate_logs;
  std::vector<SigstoreAuthority> certificate_authorities;
  std::vector<SigstoreAuthority> timestamp_authorities;
};

// parse_sigstore_trust refuses (rules::sigstore_trust and the rules of JSON, keys, certificates)
// what is not strict JSON, an unknown media type, a log or authority without its beginning of
// validity, key or id, an empty chain. Keys of kinds that are not supported here are passed over:
// nothing they signed can then be verified. Unknown members are passed over.
Result<SigstoreTrust> parse_sigstore_trust(std::string_view json);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule sigstore_trust{"model.sigstore.trusted-root"};
}
