// Checkpoints (C2SP tlog-checkpoint): what a log signs about its tree, as the text of a note.
//
//   ORIGIN         the log's name, not empty
//   SIZE           decimal, without leading zeros
//   ROOT           base64 of 32 bytes
//   EXTENSION…     any number of further lines, none of them empty
//
// Ledger time is what a quorum of witnesses says: of the cosignature times, one a witness, the k-th
// smallest, k being the quorum. So no minority of k-1 witnesses can move it into the past, and
// none of n-k into the future. Without a quorum there is no time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/transparency/note.h"
#include "libattest/transparency/tree.h"

namespace attest::transparency {

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Hash root{};
  std::vector<std::string> extensions;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

Result<Checkpoint> parse_checkpoint(std::string_view text);
std::string format_checkpoint(const Checkpoint& checkpoint);

// LogVerifiers is whom a reader of one log trusts: from the trust root.
struct LogVerifiers {
  std::string origin;
  std::vector<VerifierKey> log_keys;   // any of them speaks for the log
  std::vector<VerifierKey> witnesses;  // cosignature_v1 keys
  std::size_t quorum = 0;              // how many witnesses make time; 0: there is none
};

// VerifiedCheckpoint is a checkpoint that the log signed. Only verify_checkpoint makes one.
class VerifiedCheckpoint {
 public:
  struct Cosignature {
    VerifierKey witness;
    Time time;
  };
  const std::string& origin() const { return checkpoint_.origin; }
  std::uint64_t size() const { return checkpoint_.size; }
  const Hash& root() const { return checkpoint_.root; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const std::vector<VerifierKey>& log_signers() const { return log_signers_; }
  // cosignatures are sorted by time; one a witness.
  const std::vector<Cosignature>& cosignatures() const { return cosignatures_; }
  std::size_t quorum() const { return quorum_; }
  // ledger_time is incomplete (rules::checkpoint_quorum) where fewer witnesses than the quorum
  // cosigned, or where the quorum is 0.
  Result<Time> ledger_time() const;

 private:
  friend Result<VerifiedCheckpoint> verify_checkpoint(ByteView, const LogVerifiers&);
  Checkpoint checkpoint_;
  std::vector<VerifierKey> log_signers_;
  std::vector<Cosignature> cosignatures_;
  std::size_t quorum_ = 0;
};

// verify_checkpoint checks, in this order:
//   - the note's form and that its text is a checkpoint;
//   - the origin is the one asked for (rules::checkpoint_origin);
//   - every signature by a known key holds (verify_note);
//   - the log itself signed, under its own name (rules::checkpoint_log_signature);
//   - a tree of size 0 has the empty root (rules::checkpoint_empty_root).
// A missing quorum refuses nothing here: it leaves the checkpoint without a ledger time. Two
// witness entries that hold the same public key count once.
// Not checked: consistency with checkpoints seen before; that needs a proof (tree.h).
Result<VerifiedCheckpoint> verify_checkpoint(ByteView note, const LogVerifiers& verifiers);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule checkpoint_form{"transparency.checkpoint.form"};
inline constexpr Rule checkpoint_origin{"transparency.checkpoint.origin"};
inline constexpr Rule checkpoint_log_signature{"transparency.checkpoint.log-signature"};
inline constexpr Rule checkpoint_empty_root{"transparency.checkpoint.empty-root"};
inline constexpr Rule checkpoint_quorum{"transparency.checkpoint.quorum"};
}  // namespace attest::rules
