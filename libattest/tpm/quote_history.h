// What a later quote says about the time since an earlier one by the same AK: a suspend, a reboot,
// a firmware update, a power cut, a change at run time, or a replay. Pure functions.
//
// The firmware version and the counters are obfuscated per key (clock.h): only whether they moved
// means anything.
#pragma once

#include <string>

#include "libattest/tpm/quote.h"

namespace attest::tpm {

// QuoteMark is what to keep of an accepted quote.
struct QuoteMark {
  ClockInfo clock;
  std::uint64_t firmware_version = 0;
  PcrValues pcrs;  // may be empty: then nothing is said about PCRs

  static QuoteMark of(const VerifiedQuote& quote) {
    return {quote.clock(), quote.firmware_version(), quote.pcrs()};
  }
};

struct QuoteHistory {
  ClockChange clock = ClockChange::advanced;
  bool firmware_changed = false;
  // PCRs that both marks hold and that differ, in any bank.
  PcrSet changed_pcrs;
  // changed_in_one_boot: PCRs below 8 differ though the machine did not restart. Firmware does not
  // do that: something else extended them.
  bool changed_in_one_boot = false;
  std::string words;

  // acceptable is false for a replay, for counters that no TPM shows, and for another firmware
  // without a reset: the TPM must be reset to run it.
  bool acceptable() const;
};

// compare_quotes takes two marks by one AK, `before` accepted earlier.
QuoteHistory compare_quotes(const QuoteMark& before, const QuoteMark& now);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule quote_replayed{"tpm.quote.replayed"};
inline constexpr Rule quote_other_key{"tpm.quote.other-key"};
}  // namespace attest::rules
