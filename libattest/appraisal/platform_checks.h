// Judging what a machine's maker certifies of it. For sources of this room.
#pragma once

#include <optional>

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"
#include "libattest/appraisal/custody_checks.h"

namespace attest::appraisal {

// check_platform adds the platform.… and components.… checks that appraise() lists, and gives the
// machine as a device, by its certificate; nothing where it sent none.
std::optional<NodeDevice> check_platform(const VerifiedEvidence& evidence, const Policy& policy,
                                         const AppraisalInputs& inputs, Checks& checks);

}  // namespace attest::appraisal

namespace attest::rules {
inline constexpr Rule platform_no_ek{"appraisal.platform.no-ek"};
}
