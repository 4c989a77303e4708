// Signatures over trust roots, and the step from one version to the next (docs/formats.md, "Trust
// root"): trust.toml.sig is a signed note by [root] keys over three lines.
#pragma once

#include <span>
#include <string>

#include "libattest/transparency/note.h"
#include "libattest/trust/trust_root.h"

namespace attest {

// trust_root_text gives what is signed: "attest-trust-root/v1", version, digest URI, a line each.
std::string trust_root_text(const TrustRoot& root);

// sign_trust_root gives the note of one or more signers; signatures of several people are merged by
// merge_trust_signatures, which refuses notes over other texts.
Result<std::string> sign_trust_root(const TrustRoot& root,
                                    std::span<const transparency::NoteSigner> signers);
Result<std::string> merge_trust_signatures(std::span<const std::string> notes);

// verify_trust_signatures checks, in this order:
//   - the note's form, and that its text is that of `candidate` (rules::trust_signed_text);
//   - every signature by a root key of `by` holds (rules::note_signature);
//   - at least by.threshold() distinct keys of `by` signed (rules::trust_threshold).
// Not checked: version and time.
Status verify_trust_signatures(const TrustRoot& candidate, ByteView note, const TrustRoot& by);

// accept_update checks, in this order:
//   - the version is one above the current one: the same or an older version is refused
//     (rules::trust_rollback), a gap is incomplete (rules::trust_gap);
//   - the thresholds of `current` and of `candidate` signed it, as above;
//   - `candidate` has not expired at `now` (rules::trust_expired, incomplete).
// An expired `current` does not keep an update out. The very same file again is accepted.
Result<TrustRoot> accept_update(const TrustRoot& current, const TrustRoot& candidate, ByteView note,
                                Time now);

// reread_trust_root reads `file` anew. Another trust root than `current` must be its update, signed
// as such in the file beside it, `file`.sig (accept_update).
Result<TrustRoot> reread_trust_root(const TrustRoot& current, const Path& file, Time now);

namespace rules {
inline constexpr Rule trust_signed_text{"trust.signature.text"};
inline constexpr Rule trust_threshold{"trust.signature.threshold"};
inline constexpr Rule trust_rollback{"trust.update.rollback"};
inline constexpr Rule trust_gap{"trust.update.gap"};
}  // namespace rules

}  // namespace attest
