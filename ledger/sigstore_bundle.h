// What a Sigstore bundle (v0.1 to v0.3) proves about a log: that a Rekor log, v1 or v2, holds the
// very signature and digest which the bundle carries. Rekor is another's log; this reads its
// proofs.
//
// Pure functions over bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/transparency/checkpoint.h"

namespace attest::ledger {

// SigstoreEntry is one log entry of a bundle, as the bundle claims it.
struct SigstoreEntry {
  Bytes log_id;
  std::uint64_t index = 0;  // within the tree of the proof
  std::uint64_t size = 0;
  Sha256 root{};
  std::vector<Sha256> path;
  std::string checkpoint;  // signed note
  Bytes body;              // what the log hashed
};

struct SigstoreBundle {
  std::optional<Certificate> certificate;  // the signer's, where one is there
  std::vector<SigstoreEntry> entries;      // at least one
  Bytes signature;                         // over `signed_bytes`, or over the artefact
  std::optional<Bytes> signed_bytes;       // of a DSSE envelope: its PAE
  std::optional<Bytes> digest;             // of a message signature: SHA-256 the bundle names
};

// parse_sigstore_bundle refuses what is malformed, and an entry without an inclusion proof
// (rules::sigstore_form, rules::sigstore_no_proof).
Result<SigstoreBundle> parse_sigstore_bundle(std::string_view json);

// parse_sigstore_logs reads the Ed25519 and P-256 logs of a Sigstore trusted root ("tlogs"), each
// named by its host.
Result<std::vector<transparency::VerifierKey>> parse_sigstore_logs(std::string_view trusted_root);

class VerifiedSigstoreEntry {
 public:
  const std::string& origin() const { return checkpoint_.origin; }
  const transparency::Checkpoint& checkpoint() const { return checkpoint_; }
  std::uint64_t index() const { return index_; }
  const transparency::VerifierKey& log() const { return log_; }

 private:
  friend Result<VerifiedSigstoreEntry> verify_sigstore_entry(
      const SigstoreBundle&, const std::vector<transparency::VerifierKey>&,
      std::optional<ByteView>);
  VerifiedSigstoreEntry(transparency::Checkpoint checkpoint, std::uint64_t index,
                        transparency::VerifierKey log)
      : checkpoint_(std::move(checkpoint)), index_(index), log_(std::move(log)) {}
  transparency::Checkpoint checkpoint_;
  std::uint64_t index_;
  transparency::VerifierKey log_;
};

// verify_sigstore_entry checks, for every entry of the bundle (the first is given):
//   - its log id is that of a known log; an unknown one is incomplete
//   (rules::sigstore_unknown_log);
//   - the log signed the checkpoint, under its own name, which is the checkpoint's origin, or
//   begins
//     it before " - " (Rekor v1);
//   - size and root of the proof are the checkpoint's (rules::rekor_checkpoint);
//   - the body is in that tree at the index;
//   - the body holds the bundle's signature and the digest of what was signed: of `artifact` where
//     it is given, of the envelope for DSSE (rules::sigstore_body);
//   - the bundle's certificate is the body's, and its key made the signature.
// Not checked: the certificate's issuer and validity, signed timestamps, the entry's own time.
Result<VerifiedSigstoreEntry> verify_sigstore_entry(
    const SigstoreBundle& bundle, const std::vector<transparency::VerifierKey>& logs,
    std::optional<ByteView> artifact);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule sigstore_form{"ledger.sigstore.form"};
inline constexpr Rule sigstore_no_proof{"ledger.sigstore.no-inclusion-proof"};
inline constexpr Rule sigstore_unknown_log{"ledger.sigstore.unknown-log"};
inline constexpr Rule rekor_checkpoint{"ledger.sigstore.checkpoint"};
inline constexpr Rule sigstore_body{"ledger.sigstore.body"};
}  // namespace attest::rules
