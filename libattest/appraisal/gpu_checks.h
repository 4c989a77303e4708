// Judging the GPUs of a node. For sources of this room.
#pragma once

#include <set>
#include <vector>

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"
#include "libattest/appraisal/custody_checks.h"

namespace attest::appraisal {

struct GpuFindings {
  std::set<std::uint64_t> relied_on;  // ledger indexes of RIM files
  std::vector<NodeDevice> devices;
};

// check_gpus adds the gpu.… checks that appraise() lists. Checks of one device are under
// "gpu.<n>.".
GpuFindings check_gpus(const VerifiedEvidence& evidence, const Policy& policy,
                       const AppraisalInputs& inputs, Checks& checks);

}  // namespace attest::appraisal
