// What a trusted execution environment measured of the guest in it, by the names of
// libattest/reference/device_values.h, and held against reference values.
//
// Pure functions.
#pragma once

#include <map>
#include <span>
#include <string>

#include "libattest/reference/device_values.h"
#include "libattest/tee/snp_verification.h"
#include "libattest/tee/tdx_verification.h"

namespace attest::tee {

using Measured = std::map<std::string, Bytes>;

// measured_by gives "snp/measurement"; or "tdx/mrtd", "tdx/rtmr0" to "tdx/rtmr3", "tdx/mrseam".
Measured measured_by(const VerifiedSnpReport& report);
Measured measured_by(const VerifiedTdxQuote& quote);

// check_measured checks that the guest is one of those that `values` describe: it meets every name
// in one of them. Only those count that speak of the guest's own start ("snp/measurement" or
// "tdx/mrtd"); none of these is incomplete (rules::tee_no_reference). A guest that meets none is
// refused (rules::tee_measurement), by the difference to the one that is nearest. It gives the
// position, among `values`, of the one that is met.
Result<std::size_t> check_measured(const Measured& measured,
                                   std::span<const reference::DeviceValues* const> values);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule tee_no_reference{"tee.no-reference"};
inline constexpr Rule tee_measurement{"tee.measurement"};
}  // namespace attest::rules
