// The TPM's clock (TPM 2.0 Part 1 section 36, TPMS_CLOCK_INFO): telling a reboot, a power cut and a
// replayed quote apart. Pure values and functions.
//
// Only values signed by one and the same AK may be compared: for keys outside the endorsement and
// platform hierarchies the TPM adds a secret, key-dependent offset to resetCount, restartCount and
// firmwareVersion (Part 1 section 36.7), so that two keys' counters say nothing about each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attest::tpm {

struct ClockInfo {
  std::uint64_t clock = 0;          // milliseconds the TPM was powered; advances, never set back
  std::uint32_t reset_count = 0;    // TPM2_Startup(CLEAR) after power on: a boot
  std::uint32_t restart_count = 0;  // resumes and restarts since the last reset: a suspend
  bool safe = false;                // no clock value above this one was ever reported before

  friend bool operator==(const ClockInfo&, const ClockInfo&) = default;
};

// ClockChange says how a later quote's clock stands to an earlier one's.
enum class ClockChange {
  advanced,     // same boot, clock not behind
  resumed,      // same boot, restartCount grew: suspend and resume
  rebooted,     // resetCount grew; clock not behind
  power_cut,    // resetCount or restartCount moved and the clock is behind: power went before the
                // clock was written down, in this start (`safe` is unset) or in one between; no
                // sign of an attack
  replayed,     // counters or clock behind: the "later" quote is the older one
  inconsistent  // cannot come from one TPM: the clock is behind over one orderly start (`safe`)
};

// compare_clocks compares two readings signed by one AK, `before` accepted earlier than `now`.
ClockChange compare_clocks(const ClockInfo& before, const ClockInfo& now);

// to_string gives the change's name: "advanced", "power-cut".
std::string_view to_string(ClockChange change);

// is_acceptable is false for `replayed` and `inconsistent`.
bool is_acceptable(ClockChange change);

// in_words explains a change for people: "rebooted (resetCount 41 → 42)".
std::string in_words(ClockChange change, const ClockInfo& before, const ClockInfo& now);

}  // namespace attest::tpm
