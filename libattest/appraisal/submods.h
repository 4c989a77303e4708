// The submodules of a result: what each part of a node is worth, at its own trust level. For
// sources of this room.
#pragma once

#include <map>
#include <span>
#include <string>

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"
#include "libattest/appraisal/custody_checks.h"

namespace attest::appraisal {

// make_submods gives "node", "boot", and where there is something to say "models", "tee", "host",
// "gpu/<n>" or "nvswitch/<n>" for each device, "platform", "components", "custody" and "place".
std::map<std::string, result::Submod> make_submods(const VerifiedEvidence& evidence,
                                                   const Policy& policy, const Checks& checks,
                                                   std::span<const NodeDevice> devices);

}  // namespace attest::appraisal
