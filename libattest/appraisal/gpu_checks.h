// Judging the GPUs of a node. For sources of this room.
#pragma once

#include <set>
#include <vector>

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"

namespace attest::appraisal {

// check_gpus adds the gpu.… checks that appraise() lists, and gives the ledger indexes of the RIM
// files relied on. Checks of one device are under "gpu.<n>.".
std::set<std::uint64_t> check_gpus(const VerifiedEvidence& evidence, const Policy& policy,
                                   const AppraisalInputs& inputs, Checks& checks);

}  // namespace attest::appraisal
