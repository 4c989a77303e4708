// Golden values as CoRIM, beside RIM files: what a device may measure by the word of whoever enters
// them (libattest/reference/device_values.h). Their name is the id of the RIM that they stand in
// for, and each value's name "golden/<index>", the RIM's index, from 0.
//
// Pure functions.
#pragma once

#include "libattest/gpu/comparison.h"
#include "libattest/reference/device_values.h"

namespace attest::gpu {

// is_golden_reference says whether values go by the id of a RIM.
bool is_golden_reference(const reference::DeviceValues& values);

// golden_values reads them. A name that is no RIM id, a value that is not "golden/<index>", and
// alternatives of different sizes are refused (rules::golden_reference_form).
Result<RimContent> golden_values(const reference::DeviceValues& values);

// make_golden_reference gives what a device that is known to be good measures at these indexes. An
// index that it does not measure, or whose value is no digest, is refused.
Result<reference::DeviceValues> make_golden_reference(const VerifiedReport& report, RimKind kind,
                                                      std::span<const unsigned> indexes,
                                                      const std::string& description);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule golden_reference_form{"gpu.golden-reference.form"};
}
