#include "libattest/tpm/quote_history.h"

namespace attest::tpm {
namespace {

constexpr PcrSet firmware_pcrs = PcrSet::range(0, 7);

PcrSet changed(const PcrValues& before, const PcrValues& now) {
  PcrSet differ;
  for (const auto& [bank, registers] : before.banks())
    for (const auto& [index, value] : registers)
      if (const Bytes* other = now.find(bank, index); other != nullptr && *other != value)
        differ.insert(index);
  return differ;
}

bool restarted(ClockChange change) {
  return change == ClockChange::rebooted || change == ClockChange::power_cut;
}

std::string pcr_words(const QuoteHistory& history) {
  if (history.changed_pcrs.empty()) return "";
  const std::string which = "PCR " + history.changed_pcrs.to_string();
  if (history.changed_in_one_boot)
    return "; " + which +
           " changed without a reboot: something at run time extended what the firmware measures "
           "into, a sign of compromise";
  if (!restarted(history.clock)) return "; " + which + " changed at run time";
  return "; " + which + " changed: it booted " +
         (history.changed_pcrs.contains(0) ? "another firmware" : "from other files or settings");
}

}  // namespace

bool QuoteHistory::acceptable() const {
  return is_acceptable(clock) && (!firmware_changed || restarted(clock));
}

QuoteHistory compare_quotes(const QuoteMark& before, const QuoteMark& now) {
  QuoteHistory history;
  history.clock = compare_clocks(before.clock, now.clock);
  history.firmware_changed = before.firmware_version != now.firmware_version;
  if (!before.pcrs.empty()) history.changed_pcrs = changed(before.pcrs, now.pcrs);
  const PcrSet others = history.changed_pcrs.without(firmware_pcrs);
  const bool firmware_moved = !history.changed_pcrs.without(others).empty();
  history.changed_in_one_boot = firmware_moved && !restarted(history.clock);
  history.words = in_words(history.clock, before.clock, now.clock);
  if (history.firmware_changed)
    history.words +=
        restarted(history.clock)
            ? "; the TPM's firmware was updated"
            : "; the TPM's firmware is said to be another one without a reset, which no "
              "TPM does";
  if (is_acceptable(history.clock)) history.words += pcr_words(history);
  return history;
}

}  // namespace attest::tpm
