// Offline proofs of inclusion (C2SP tlog-proof), files named *.tlog-proof:
//
//   c2sp.org/tlog-proof@v1
//   extra BASE64               optional, opaque, signed by nobody
//   index N                    decimal, without leading zeros
//   BASE64…                    the inclusion path, 0 to 63 hashes
//   (empty line)
//   CHECKPOINT                 a signed note to the end of the file
#pragma once

#include <optional>

#include "libattest/transparency/witness_policy.h"

namespace attest::transparency {

inline constexpr std::size_t max_path_length = 63;

struct TlogProof {
  std::optional<Bytes> extra;
  std::uint64_t index = 0;
  std::vector<Hash> path;
  std::string checkpoint;  // signed note
};

Result<TlogProof> parse_tlog_proof(ByteView text);
std::string format_tlog_proof(const TlogProof& proof);

// VerifiedInclusion says that a leaf is in the tree of a checkpoint. Only verify_tlog_proof makes
// one.
class VerifiedInclusion {
 public:
  std::uint64_t index() const { return index_; }
  const Hash& leaf() const { return leaf_; }
  const VerifiedCheckpoint& checkpoint() const { return checkpoint_; }

 private:
  friend Result<VerifiedInclusion> verify_tlog_proof(const TlogProof&, const Hash&,
                                                     const WitnessPolicy&);
  VerifiedInclusion(std::uint64_t index, const Hash& leaf, VerifiedCheckpoint checkpoint)
      : index_(index), leaf_(leaf), checkpoint_(std::move(checkpoint)) {}
  std::uint64_t index_;
  Hash leaf_;
  VerifiedCheckpoint checkpoint_;
};

// verify_tlog_proof checks, in this order:
//   - the checkpoint under the policy (verify_checkpoint_by_policy);
//   - the inclusion of `leaf` at the proof's index (verify_inclusion).
// Not checked: `extra`; what the entry says.
Result<VerifiedInclusion> verify_tlog_proof(const TlogProof& proof, const Hash& leaf,
                                            const WitnessPolicy& policy);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule tlog_proof_form{"transparency.tlog-proof.form"};
}
