// Judging what the trusted execution environment of a node signed. For sources of this room.
#pragma once

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"
#include "libattest/appraisal/custody_checks.h"

namespace attest::appraisal {

struct TeeFindings {
  std::optional<NodeDevice> chip = {};
  std::set<std::uint64_t> relied_on = {};
};

// check_tee adds "tee.report": the report is genuine, at a good patch level, not for debugging, and
// made for this challenge and the GPUs of this evidence; and, where the policy asks,
// "tee.measurement". Collateral is what the node sent along, where it chains to a root that is
// known, and what the verifier has. A node without a report gives no check, except where the policy
// requires one (incomplete). It gives the processor as a device, by the id in what it signed, and
// the ledger index of the values its guest meets; no device where the node has no such processor.
TeeFindings check_tee(const VerifiedEvidence& evidence, const Policy& policy,
                      const AppraisalInputs& inputs, Checks& checks);

}  // namespace attest::appraisal
