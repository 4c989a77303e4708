// Judging what the trusted execution environment of a node signed. For sources of this room.
#pragma once

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"

namespace attest::appraisal {

// check_tee adds "tee.report": the report is genuine, at a good patch level, not for debugging, and
// made for this challenge and the GPUs of this evidence. Collateral is what the node sent along,
// where it chains to a root that is known. A node without a report gives no check, except where the
// policy requires one (incomplete).
void check_tee(const VerifiedEvidence& evidence, const Policy& policy,
               const AppraisalInputs& inputs, Checks& checks);

}  // namespace attest::appraisal
