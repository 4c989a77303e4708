// The nodes of a training run, and what their attestation results are worth.
#pragma once

#include <vector>

#include "libattest/lineage/graph.h"
#include "libattest/trust/trust_root.h"

namespace attest::lineage {

// training_nodes looks at each node of a run. Its result counts when
//   - there is one (rules::training_no_result) and it has the form of a result;
//   - a verifier of the trust root signed it, and it held at a moment of the run: not before it
//     was issued, before it expired (verify_result, rules::training_result_time);
//   - it is about this node (rules::training_other_node);
//   - its verdict is pass, and it affirms something at some trust level
//     (rules::training_not_affirmed).
// It says what the node was at that moment, not at every moment of the run.
std::vector<TrainingNode> training_nodes(const statement::TrainingRun& run, const TrustRoot& trust);

// at_least says whether one trust level is as good as another: hardware-signed before TPM-measured
// before host-reported.
bool at_least(result::TrustLevel level, result::TrustLevel wanted);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule training_no_result{"lineage.training.no-result"};
inline constexpr Rule training_result_time{"lineage.training.result-time"};
inline constexpr Rule training_other_node{"lineage.training.other-node"};
inline constexpr Rule training_not_affirmed{"lineage.training.not-affirmed"};
}  // namespace attest::rules
