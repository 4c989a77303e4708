// What may descend from what, and how it came to be: consent, licences, jurisdictions, named
// ancestors, training runs. Each function judges one verified graph under one policy.
//
// Pure; linear in the graph for each rule, and without recursion.
#pragma once

#include <string_view>

#include "libattest/lineage/graph.h"
#include "libattest/lineage/policy.h"
#include "libattest/lineage/verdict.h"

namespace attest::lineage {

struct Judged {
  std::vector<ModelCheck> checks;
  std::vector<std::string> not_checked;  // what the policy does not ask for
};

// judge_rights judges, in this order:
//   - consent, whatever the policy says: what was made of a release that demands it, by another
//     issuer, has a statement of consent by the issuer of that release, for this artefact and this
//     operation (rules::model_consent);
//   - [[descent]]: every descendant of an artefact whose licence matches `from` has a licence that
//     matches one of `to`, however many generations lie between (rules::model_descent);
//   - jurisdictions: each that an artefact names is one of these; an artefact that names none is
//     incomplete (rules::model_jurisdiction);
//   - [[placement]]: where an artefact of this jurisdiction is in the lineage, `region` is one of
//     these; no region, or an artefact that names no jurisdiction, is incomplete
//     (rules::model_region);
//   - descends_from and never_from (rules::model_descends_from, rules::model_never_from).
Judged judge_rights(const LineageGraph& graph, const ReleasePolicy& policy,
                    std::string_view region);

// judge_training judges, in this order:
//   - each training run, whatever the policy says, names as inputs exactly the release's parents
//     (rules::model_run_inputs);
//   - required_statements: a data set is in the lineage (rules::model_data_set); each release has a
//     training run, unless it was made by merge, quantize, convert or prune
//     (rules::model_training_run);
//   - training_hardware: each of those runs names nodes, and each node was affirmed at this level
//     or a better one (rules::model_training_hardware); what is missing is incomplete.
Judged judge_training(const LineageGraph& graph, const ReleasePolicy& policy);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule model_consent{"lineage.model.consent"};
inline constexpr Rule model_descent{"lineage.model.descent"};
inline constexpr Rule model_jurisdiction{"lineage.model.jurisdiction"};
inline constexpr Rule model_region{"lineage.model.region"};
inline constexpr Rule model_descends_from{"lineage.model.descends-from"};
inline constexpr Rule model_never_from{"lineage.model.never-from"};
inline constexpr Rule model_run_inputs{"lineage.model.run-inputs"};
inline constexpr Rule model_data_set{"lineage.model.data-set"};
inline constexpr Rule model_training_run{"lineage.model.training-run"};
inline constexpr Rule model_training_hardware{"lineage.model.training-hardware"};
}  // namespace attest::rules
