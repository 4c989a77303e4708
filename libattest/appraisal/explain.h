// Which reference value a PCR or an event met or missed, and what would satisfy it: for people who
// make reference values, on logs that nobody needs to vouch for. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "libattest/reference/reference_values.h"
#include "libattest/tpm/event_log.h"

namespace attest::appraisal {

struct PcrExplanation {
  unsigned pcr = 0;
  bool met = false;
  std::string by;                     // id and name of the value that was met
  Bytes found;                        // what the log leads to; empty: the log has no events for it
  std::vector<std::string> expected;  // "hex (name)": any of these would satisfy
  std::string why;                    // the first event that no value knows, or what is missing
};

struct EventExplanation {
  std::size_t number = 0;
  unsigned pcr = 0;
  std::string what;
  bool known = false;
  std::string by;  // the name it is known by
};

struct Explanation {
  HashAlgorithm bank = HashAlgorithm::sha256;
  std::vector<PcrExplanation> pcrs;      // those any value speaks of
  std::vector<EventExplanation> events;  // of these PCRs
  bool satisfied() const;
};

// explain compares in the strongest bank that both the log and the values have; with none in
// common, incomplete (rules::explain_bank).
Result<Explanation> explain(const tpm::UntrustedEventLog& log,
                            std::span<const reference::ReferenceValues> values);

}  // namespace attest::appraisal

namespace attest::rules {
inline constexpr Rule explain_bank{"appraisal.explain.bank"};
}
