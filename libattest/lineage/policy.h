// The gate's policy: what a model must be before it is used (packaging/examples/release.toml).
//
// A key that is absent asks for nothing; unknown keys are refused with their line. Each rule keeps
// the place it was written at, so that a refusal can name it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"
#include "libattest/result/ear.h"

namespace attest::lineage {

// Asked is a value of the policy and where it stands, such as "release.toml:14".
template <typename T>
struct Asked {
  T value{};
  std::string place;
};

// What may descend from what: an artefact whose licence matches `from` is the ancestor only of
// artefacts whose licences match one of `to`.
struct DescentRule {
  std::string from;  // pattern
  std::vector<std::string> to;
  std::string place;
};

// Where it may run: a lineage that holds something made under this jurisdiction runs in these
// regions only.
struct PlacementRule {
  std::string jurisdiction;  // pattern
  std::vector<std::string> regions;
  std::string place;
};

struct ReleasePolicy {
  Sha256 digest{};                                            // of the policy's text: its identity
  std::optional<Asked<std::vector<std::string>>> issuers;     // of the model; patterns
  std::optional<Asked<std::vector<std::string>>> ancestors;   // issuers of its ancestors; patterns
  std::optional<Asked<Seconds>> max_status_age;               // older is incomplete
  std::optional<Asked<std::vector<std::string>>> operations;  // anywhere in the lineage
  std::optional<Asked<std::vector<std::string>>> roles;       // that the lineage must hold
  std::optional<Asked<std::vector<std::string>>> licences;    // anywhere in the lineage
  std::optional<Asked<std::vector<std::string>>> formats;     // of the file, such as "gguf"
  std::optional<Asked<std::vector<std::string>>> descends_from;  // artefacts, at least one of them
  std::optional<Asked<std::vector<std::string>>> never_from;     // artefacts, none of them
  std::optional<Asked<std::vector<std::string>>> jurisdictions;  // anywhere in the lineage
  std::optional<Asked<std::vector<std::string>>> statements;     // kinds that must be there
  std::optional<Asked<std::vector<std::string>>> witnesses;      // that must have cosigned
  std::optional<Asked<result::TrustLevel>> training_hardware;    // at least, of each node
  std::vector<DescentRule> descent;
  std::vector<PlacementRule> placement;
  std::optional<Asked<std::vector<std::string>>>
      not_models;  // names that need no release; patterns
  // Descendants of a revoked release are refused unless the policy says otherwise.
  Asked<bool> allow_revoked_ancestors{false, {}};
};

Result<ReleasePolicy> parse_release_policy(std::string_view text,
                                           std::string name = "release.toml");
Result<ReleasePolicy> read_release_policy(const Path& path);

}  // namespace attest::lineage
