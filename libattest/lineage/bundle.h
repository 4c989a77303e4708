// Proof bundles, F.attest/bundle.cbor: all that is needed to check a model's lineage offline
// (docs/formats.md, "Proof bundle").
//
// decode_bundle checks form; verify_bundle checks everything against a trust root and is the only
// maker of a VerifiedBundle. Plain values, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/lineage/graph.h"
#include "libattest/transparency/status.h"
#include "libattest/trust/authorize.h"

namespace attest::lineage {

inline constexpr std::string_view bundle_media_type = "application/attest-bundle+cbor";
inline constexpr std::size_t max_bundle_size = 256U << 20;

struct UntrustedBundle {
  std::string subject;     // the artefact it speaks for
  std::string checkpoint;  // signed note with cosignatures
  transparency::UntrustedEntry map_root;
  std::vector<transparency::UntrustedEntry> entries;  // in index order
  std::vector<transparency::UntrustedStatus> status;
};

Result<UntrustedBundle> decode_bundle(ByteView bytes);
// claimed_files gives the files that releases of the bundle's subject name, whoever said so: worth
// nothing until verify_bundle.
std::vector<statement::ModelFile> claimed_files(const UntrustedBundle& bundle);
Bytes encode_bundle(const UntrustedBundle& bundle);

// Finding is a statement in the bundle that has no effect, and why: a stranger's revocation, a
// release by someone who may not release it.
struct Finding {
  std::uint64_t index = 0;
  Error why;
};

// VerifiedBundle is a lineage as of a checkpoint. Only verify_bundle makes one.
class VerifiedBundle {
 public:
  const statement::Subject& subject() const { return subject_; }
  const transparency::VerifiedCheckpoint& checkpoint() const { return checkpoint_; }
  Time ledger_time() const { return ledger_time_; }
  const LineageGraph& graph() const { return graph_; }
  // release is the artefact's own statement of origin.
  const Origin& release() const { return graph_.artefact().origin; }
  const std::vector<Finding>& findings() const { return findings_; }
  std::size_t statements() const { return statements_; }  // whose signatures were checked

 private:
  friend class BundleVerifier;
  VerifiedBundle(statement::Subject subject, transparency::VerifiedCheckpoint checkpoint,
                 Time ledger_time, LineageGraph graph)
      : subject_(std::move(subject)),
        checkpoint_(std::move(checkpoint)),
        ledger_time_(ledger_time),
        graph_(std::move(graph)) {}
  statement::Subject subject_;
  transparency::VerifiedCheckpoint checkpoint_;
  Time ledger_time_;
  LineageGraph graph_;
  std::vector<Finding> findings_;
  std::size_t statements_ = 0;
};

// verify_bundle checks, in this order:
//   - the trust root is in its time at `now` (rules::trust_expired);
//   - the bundle's subject is an artefact (rules::bundle_subject);
//   - the checkpoint is of a log of the trust root and holds (verify_checkpoint); a quorum of
//     witnesses cosigned it (rules::checkpoint_quorum, incomplete); its ledger time is not ahead of
//     `now` by more than five minutes (rules::bundle_time_ahead, incomplete);
//   - the map root is the checkpoint's last entry, by the log (verify_map_root);
//   - entries ascend by index (rules::bundle_order), and each is in the tree (verify_inclusion);
//   - each status proof holds (verify_status), each subject once (rules::bundle_status_twice), and
//     each entry it lists does speak of its subject (rules::bundle_not_about_subject);
//   - for the artefact, every ancestor that its releases name, and every key that signed a
//     statement used here there is a status proof (rules::bundle_status_missing, incomplete);
//   - each statement used is authorized by the trust root under its key's status (authorize). One
//     that is not has no effect and becomes a finding;
//   - attestation results of nodes in training runs are verified for the time of the run by the
//     trust root's verifiers; one that does not hold is kept with its error (training_node.h);
//   - revocations count where revocation_counts says so; others become findings;
//   - what is left is a graph of descent (build_graph).
// Key statuses are taken in log order: one counts when its signer's key had not ended before it,
// and what has once counted stays. A statement below `from_index` stands.
// Not checked: that the file is the artefact, policy, revocation's consequence; see verdict.h.
Result<VerifiedBundle> verify_bundle(const UntrustedBundle& bundle, const TrustRoot& trust,
                                     Time now);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule bundle_form{"lineage.bundle.form"};
inline constexpr Rule bundle_subject{"lineage.bundle.subject"};
inline constexpr Rule bundle_time_ahead{"lineage.bundle.time-ahead"};
inline constexpr Rule bundle_order{"lineage.bundle.order"};
inline constexpr Rule bundle_status_twice{"lineage.bundle.status-twice"};
inline constexpr Rule bundle_not_about_subject{"lineage.bundle.not-about-subject"};
inline constexpr Rule bundle_status_missing{"lineage.bundle.status-missing"};
}  // namespace attest::rules
