// The models before the gate: found among the paths that were named, and judged on several cores.
#pragma once

#include <string>
#include <vector>

#include "cli/gate_digests.h"
#include "libattest/base/file.h"
#include "libattest/lineage/gate_output.h"
#include "libattest/lineage/policy.h"
#include "libattest/trust/trust_root.h"

namespace attest::cli {

// GateModel is a file, or a directory that has a bundle beside it and is one model.
struct GateModel {
  Path path;
  bool directory = false;
};

struct FoundModels {
  std::vector<GateModel> models;      // in the order of their paths
  std::vector<std::string> left_out;  // by the policy's not_models; looked at all the same
};

// models_in finds the models in files and directories. In a directory without a bundle beside it
// each file is a model, but for what lies in .attest folders and in .git. A symbolic link could be
// pointed elsewhere after the check, so one among the models is refused.
Result<FoundModels> models_in(const std::vector<std::string>& named,
                              const lineage::ReleasePolicy& policy);

struct GateRules {
  const TrustRoot& trust;
  const lineage::ReleasePolicy& policy;
  std::string region;
  std::string trust_option;  // " --trust FILE", as it was given; for the command that shows more
  Time now;
  GateDigests& digests;
};

// judge_all judges each model, as many at a time as there are cores; the results are in the order
// of the models. Each file is opened once: its format, its digests and its description come from
// that descriptor.
std::vector<lineage::GatedModel> judge_all(const FoundModels& found, const GateRules& asked);

}  // namespace attest::cli
