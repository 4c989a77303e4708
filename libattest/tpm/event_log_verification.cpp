#include <algorithm>

#include "libattest/tpm/boot_facts.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/event_log_findings.h"
#include "libattest/tpm/event_log_quirks.h"

namespace attest::tpm {

namespace {

constexpr unsigned secure_boot_pcr = 7;
constexpr unsigned last_firmware_pcr = 7;

std::string named(PcrBank bank, unsigned index) {
  return "PCR " + std::to_string(index) + " (" + std::string(hash_name(bank)) + ")";
}

// why_not tells what may have happened to a PCR that the log does not lead to.
std::string why_not(const UntrustedEventLog& log, PcrBank bank, unsigned index,
                    const Bytes& quoted) {
  Bytes value = initial_value(bank, index);
  if (index == 0) value.back() = std::byte{log.startup_locality()};
  const Event* last = nullptr;
  for (const Event& event : log.events()) {
    if (event.pcr != index || !event.extends()) continue;
    if (equal(value, quoted)) {
      return last == nullptr ? "the TPM was not extended with any of the log's events for it"
                             : "the TPM was extended only up to " + place(*last);
    }
    value = extend(bank, value, event.digest(bank));
    last = &event;
  }
  if (index == 0)
    if (const auto locality = quirks::unlogged_locality(log, bank, quoted))
      return "the log would lead there from startup locality " + std::to_string(*locality) +
             ", which it does not record: firmware that leaves out its StartupLocality event";
  return last == nullptr ? "something extended it, and the log does not say what"
                         : "it was extended by something the log does not hold, or the log is of "
                           "another boot; the log's last event for it is " +
                               place(*last);
}

Status check_pcr(const UntrustedEventLog& log, const PcrValues& led_to, PcrBank bank,
                 unsigned index, const Bytes& quoted) {
  const Bytes* replayed = led_to.find(bank, index);
  const Bytes expected = replayed != nullptr ? *replayed : initial_value(bank, index);
  if (equal(expected, quoted)) return {};
  return fail(refused(rules::eventlog_unexplained, named(bank, index) +
                                                       " is not what the event log leads to: " +
                                                       why_not(log, bank, index, quoted))
                  .expected(to_hex(expected) + " by the log")
                  .found(to_hex(quoted) + " in the quote"));
}

Status check_bank(const UntrustedEventLog& log, PcrBank bank) {
  for (const Event& event : log.events())
    if (event.extends() && event.digest(bank).empty())
      return fail(refused(rules::eventlog_bank, "bank " + std::string(hash_name(bank)) +
                                                    " is quoted, but the log does not extend it")
                      .expected("a " + std::string(hash_name(bank)) + " digest in every event")
                      .found("none in " + place(event)));
  return {};
}

Status check_separators(const std::vector<Event>& events, PcrSet quoted) {
  for (unsigned index = 0; index <= last_firmware_pcr; ++index) {
    if (!quoted.contains(index)) continue;
    const auto count = std::ranges::count_if(events, [index](const Event& event) {
      return event.pcr == index && event.type == ev_separator;
    });
    if (count != 1)
      return fail(refused(rules::eventlog_separator, "PCR " + std::to_string(index) +
                                                         " must have one separator, which ends "
                                                         "what the firmware measured")
                      .expected("1")
                      .found(std::to_string(count)));
  }
  return {};
}

Status check_data(const std::vector<Event>& events, PcrBank bank) {
  for (const Event& event : events)
    if (digest_is_of_data_by_type(event.type) && !quirks::shim_authority(event) &&
        !event.data_measured(bank))
      return fail(refused(rules::eventlog_data_digest,
                          "the event's data is not what was measured: " + place(event))
                      .expected(to_hex(digest(bank, event.data)) + ", the hash of the data")
                      .found(to_hex(event.digest(bank))));
  return {};
}

// After the separator an operating system could measure a SecureBoot variable of its choice.
Status check_after_separator(const std::vector<Event>& events) {
  bool separated = false;
  for (const Event& event : events) {
    if (event.pcr != secure_boot_pcr) continue;
    if (separated && event.type == ev_efi_variable_driver_config)
      return fail(refused(
          rules::eventlog_after_separator,
          "Secure Boot configuration measured after the firmware was done: " + place(event)));
    if (event.type == ev_separator) separated = true;
  }
  return {};
}

}  // namespace

Result<VerifiedEventLog> verify_event_log(UntrustedEventLog log, const VerifiedQuote& quote,
                                          const EventLogRules& rules) {
  VerifiedEventLog verified(std::move(log));
  const UntrustedEventLog& claims = verified.log_;
  std::optional<PcrBank> strongest;
  PcrSet quoted_pcrs;
  const PcrValues led_to = replay(claims);
  for (const auto& [bank, of_bank] : quote.pcrs().banks()) {
    TRY_VOID(check_bank(claims, bank));
    PcrSet explained;
    for (const auto& [index, value] : of_bank) {
      const Status match = check_pcr(claims, led_to, bank, index, value);
      if (match)
        explained.insert(index);
      else if (!rules.extended_by_system.contains(index))
        return fail(match.error());
    }
    // PcrBank rises with the strength of the hash.
    if (!strongest || bank > *strongest) {
      strongest = bank;
      verified.explained_ = explained;
    }
    for (const auto& [index, value] : of_bank) quoted_pcrs.insert(index);
  }
  if (!strongest) return fail(refused(rules::eventlog_bank, "the quote holds no PCR to explain"));
  verified.bank_ = *strongest;
  for (const Event& event : claims.events()) {
    if (!event.extends()) continue;
    if (verified.explained_.contains(event.pcr))
      verified.events_.push_back(event);
    else
      ++verified.not_vouched_;
  }
  TRY_VOID(check_separators(verified.events_, quoted_pcrs));
  TRY_VOID(check_data(verified.events_, verified.bank_));
  TRY_VOID(check_after_separator(verified.events_));
  return verified;
}

SecureBootState VerifiedEventLog::secure_boot() const {
  if (log_.registers() == Registers::pcr && !explained_.contains(secure_boot_pcr))
    return {std::nullopt, "PCR 7 was not quoted, or not explained by the log"};
  return secure_boot_state(events_, bank_, log_.registers());
}

std::optional<std::string> VerifiedEventLog::kernel_command_line() const {
  return boot_facts(events_, bank_, log_.registers()).kernel_command_line;
}

}  // namespace attest::tpm
