// Judging PCRs against reference values, and saying what differs. For sources of this room.
#pragma once

#include <set>
#include <span>
#include <string>

#include "libattest/appraisal/checks.h"
#include "libattest/appraisal/policy.h"
#include "libattest/appraisal/proven_reference_values.h"
#include "libattest/appraisal/verify_evidence.h"

namespace attest::appraisal {

struct PcrInputs {
  const VerifiedEvidence& evidence;
  const Policy& policy;
  std::span<const ProvenReferenceValues> reference_values;
  // What the TPM's clock says about the time since the last evidence, in words; may be empty.
  std::string since_last;
};

// check_pcrs adds boot.quoted and one boot.pcr.<n> for each PCR the policy requires. It gives the
// ledger indexes of the reference values that matched.
std::set<std::uint64_t> check_pcrs(const PcrInputs& inputs, Checks& checks);

}  // namespace attest::appraisal
