// What the CoRIM profiles we know ask for beyond the draft. A CoRIM of an unknown profile is
// reported as such: a profile may change what values mean.
#pragma once

#include <string_view>

#include "libattest/base/result.h"
#include "libattest/reference/corim.h"

namespace attest::reference {

// Our own profile, see reference_values.h.
inline constexpr std::string_view pcr_profile = "tag:attest,2026:corim/tpm-pcr-v1";
// Likewise, see device_values.h.
inline constexpr std::string_view device_profile = "tag:attest,2026:corim/device-v1";
// Public TPM profiles.
inline constexpr std::string_view enacttrust_profile = "https://enacttrust.com/veraison/1.0.0";
inline constexpr std::string_view parsec_profile = "tag:github.com/parallaxsecond,2023-03-03:tpm";

// check_profile refuses a CoRIM that breaks the rules of its profile:
//   - enacttrust: environments are named by an instance UUID alone (no class, no group); each
//     attestation key triple has exactly one key; each reference measurement has a digest;
//   - parsec: environments have a class id; each attestation key triple names an instance and has
//     exactly one key; each reference measurement has a PCR number as key and a digest;
//   - ours: see reference_values.h and device_values.h.
// A CoRIM without a profile passes; an unknown profile is incomplete
// (rules::corim_profile_unknown).
Status check_profile(const Corim& corim);

}  // namespace attest::reference

namespace attest::rules {
inline constexpr Rule corim_profile{"reference.corim.profile"};
inline constexpr Rule corim_profile_unknown{"reference.corim.profile-unknown"};
}  // namespace attest::rules
