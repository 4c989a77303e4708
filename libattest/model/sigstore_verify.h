// Verifies a Sigstore bundle offline, against a trusted root file: Fulcio's certificates, Rekor's
// logs of versions 1 and 2, RFC 3161 timestamps.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libattest/model/oms_signature.h"
#include "libattest/model/sigstore_bundle.h"
#include "libattest/model/sigstore_trust.h"

namespace attest::model {

// ExpectedSigner is who must have signed: the certificate's subject alternative name and the issuer
// of the identity, compared as they are.
struct ExpectedSigner {
  std::string identity;
  std::string issuer;
};

// ArtefactDigest gives the digest of what a message signature is about, or of the file whose digest
// a statement must name. It is asked only for the hash that the signature uses.
using ArtefactDigest = std::function<Result<Bytes>(HashAlgorithm)>;

// VerifiedSignature is what a bundle proves. Only the functions below make one.
class VerifiedSignature {
 public:
  const OmsSigner& signer() const { return signer_; }
  // times are those that logs and timestamp authorities proved, each of them.
  const std::vector<Time>& times() const { return times_; }
  // envelope is the signed statement, where the bundle holds one.
  const std::optional<statement::UntrustedEnvelope>& envelope() const { return envelope_; }

 private:
  friend class SigstoreVerifier;
  explicit VerifiedSignature(OmsSigner signer) : signer_(std::move(signer)) {}
  OmsSigner signer_;
  std::vector<Time> times_;
  std::optional<statement::UntrustedEnvelope> envelope_;
};

// verify_sigstore_bundle checks, in this order:
//   - the bundle has certificates, none of them a root, but for a trusted one in bundles before
//     version 0.3 (rules::keyless_material);
//   - every log entry: its log is trusted (rules::keyless_log); the signed entry timestamp, where
//     there is one, holds (rules::keyless_set); the inclusion proof leads to the root of the
//     checkpoint, which the log signed (rules::keyless_inclusion, rules::keyless_checkpoint);
//     one of both in bundles of version 0.1, the proof in all others (rules::keyless_inclusion);
//     the entry is about this signature, this certificate and this content (rules::keyless_entry);
//     at least one entry is there (rules::keyless_log);
//   - times: the integrated times under entry timestamps, and RFC 3161 timestamps over the
//   signature
//     (those that do not hold give no time); at least one (rules::keyless_time); each log valid at
//     its entry's time (rules::keyless_log);
//   - at each of these times: the certificate's chain to an authority that was valid then, for code
//     signing (rules::keyless_chain);
//   - an SCT by a trusted certificate log (rules::sct);
//   - identity and issuer (rules::keyless_identity);
//   - the signature over the envelope, or over the artefact (rules::keyless_signature).
// Not checked: that the logs are consistent over time; whose statements matter.
Result<VerifiedSignature> verify_sigstore_bundle(const UntrustedBundle& bundle,
                                                 const SigstoreTrust& trust,
                                                 const ExpectedSigner& expected,
                                                 const ArtefactDigest& artefact);

// verify_managed_key_bundle checks a bundle that was signed with a key of one's own: the same, with
// `key` instead of a certificate. Log entries and timestamps that are there must hold under
// `trust`; without a trusted root they are not looked at, and prove nothing.
Result<VerifiedSignature> verify_managed_key_bundle(const UntrustedBundle& bundle,
                                                    const PublicKey& key,
                                                    const std::optional<SigstoreTrust>& trust,
                                                    const ArtefactDigest& artefact);

// verify_envelope checks a bare DSSE envelope of an in-toto statement: the signature by `key`, and
// that a subject has the artefact's digest, where one is given. Signers of summaries (SLSA's VSA)
// write ECDSA signatures as r ‖ s as well as in DER: both are read.
Status verify_envelope(const statement::UntrustedEnvelope& envelope, const PublicKey& key,
                       const ArtefactDigest& artefact);

// verify_oms_keyless is verify_sigstore_bundle for a model's statement.
Result<VerifiedOmsStatement> verify_oms_keyless(const UntrustedBundle& bundle,
                                                const SigstoreTrust& trust,
                                                const ExpectedSigner& expected);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule keyless_material{"model.keyless.material"};
inline constexpr Rule keyless_log{"model.keyless.log"};
inline constexpr Rule keyless_set{"model.keyless.entry-timestamp"};
inline constexpr Rule keyless_inclusion{"model.keyless.inclusion"};
inline constexpr Rule keyless_checkpoint{"model.keyless.checkpoint"};
inline constexpr Rule keyless_entry{"model.keyless.entry"};
inline constexpr Rule keyless_time{"model.keyless.time"};
inline constexpr Rule keyless_chain{"model.keyless.chain"};
inline constexpr Rule keyless_identity{"model.keyless.identity"};
inline constexpr Rule keyless_signature{"model.keyless.signature"};
}  // namespace attest::rules
