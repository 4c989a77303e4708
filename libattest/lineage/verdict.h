// Judging a model: is this file the released one, and does its lineage satisfy the policy?
//
// Used by the gate and by the runtime before it computes a token: one judgement for both.
#pragma once

#include <string>
#include <vector>

#include "libattest/lineage/bundle.h"
#include "libattest/lineage/policy.h"
#include "libattest/model/digest.h"
#include "libattest/result/ear.h"

namespace attest::lineage {

// PresentedPart is one file of a model that is a directory.
struct PresentedPart {
  std::string name;  // relative, '/' between its parts
  model::FileDigests digests;
};

// PresentedFile is the file before us, as libattest/model found it, or the directory: then `parts`
// holds its files in the order of their names, and `digests` says nothing.
struct PresentedFile {
  std::string name;  // for messages
  model::FileDigests digests;
  std::string format;  // "gguf", or empty where the caller does not know
  std::vector<PresentedPart> parts{};
  std::string region{};  // where it is to run, as the policy calls it; empty where nobody said
};

// ModelCheck is one thing that was judged, in words a person can read.
struct ModelCheck {
  std::string name;  // "lineage.revoked-ancestor": the rule's name where it failed; a stable key
  result::Verdict outcome = result::Verdict::pass;
  std::string expected;
  std::string found;
  std::string why;
  std::string place;  // of the policy: "release.toml:14"; empty where no policy asked
};

struct ModelVerdict {
  result::Verdict outcome = result::Verdict::pass;  // the worst of the checks
  std::vector<ModelCheck> checks;
  std::vector<std::string> not_checked;
  std::vector<std::string> findings;  // statements in the bundle that had no effect, and why
  // The release and the checkpoint this rests on, where the bundle verified.
  std::string release;     // "tiny-q8 by tiny@lab.example, statement 121"
  std::string checkpoint;  // "demo.example/provenance, size 130, 2026-11-21 10:42 UTC"
};

// judge_model judges, in this order:
//   - the bundle speaks for this file: SHA-256, fs-verity digest and size (rules::model_digest,
//     rules::model_fsverity, rules::model_size); of a directory, its files are those of the
//     release, none missing, none more (rules::model_files);
//   - the release was not revoked (rules::model_revoked), and no ancestor was
//     (rules::model_revoked_ancestor, unless the policy allows it);
//   - the status is no older than the policy asks: older is incomplete (rules::model_status_age);
//   - witnesses that the policy names cosigned the checkpoint: a missing one is incomplete;
//   - issuers, operations, roles, licences and format are those the policy allows;
//   - rights and training (rights.h): consent where a release demands it, licences and
//     jurisdictions along the graph, training runs and their hardware.
// Every check is made, whatever an earlier one said. What the policy does not ask for is listed in
// not_checked.
ModelVerdict judge_model(const VerifiedBundle& bundle, const PresentedFile& file,
                         const ReleasePolicy& policy, Time now);

// add_checks puts checks made elsewhere before a verdict's own, and lets them count.
void add_checks(ModelVerdict& verdict, std::vector<ModelCheck> checks);
// verdict_of gives an error on the way to a verdict as one: one form for all that a gate says.
ModelVerdict verdict_of(const Error& error);
// check_of gives an error as a check.
ModelCheck check_of(const Error& error);

// judge_bundle decodes and verifies a bundle first; where that fails the verdict says why, in the
// same form.
ModelVerdict judge_bundle(ByteView bundle, const TrustRoot& trust, const PresentedFile& file,
                          const ReleasePolicy& policy, Time now);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule model_digest{"lineage.model.digest"};
inline constexpr Rule model_fsverity{"lineage.model.fsverity"};
inline constexpr Rule model_size{"lineage.model.size"};
inline constexpr Rule model_files{"lineage.model.files"};
inline constexpr Rule model_revoked{"lineage.model.revoked"};
inline constexpr Rule model_revoked_ancestor{"lineage.model.revoked-ancestor"};
inline constexpr Rule model_status_age{"lineage.model.status-age"};
inline constexpr Rule model_witness{"lineage.model.witness"};
inline constexpr Rule model_issuer{"lineage.model.issuer"};
inline constexpr Rule model_ancestor_issuer{"lineage.model.ancestor-issuer"};
inline constexpr Rule model_operation{"lineage.model.operation"};
inline constexpr Rule model_role{"lineage.model.role"};
inline constexpr Rule model_licence{"lineage.model.licence"};
inline constexpr Rule model_format{"lineage.model.format"};
}  // namespace attest::rules
