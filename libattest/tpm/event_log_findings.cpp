#include "libattest/tpm/event_log_findings.h"

#include <algorithm>

#include "libattest/tpm/event_log_quirks.h"

namespace attest::tpm {

bool digest_is_of_data_by_type(std::uint32_t type) {
  switch (type) {
    case ev_separator:
    case ev_efi_action:
    case ev_efi_gpt_event:
    case ev_efi_variable_driver_config:
    case ev_efi_variable_authority:
      return true;
    default:
      return false;
  }
}

std::string place(const Event& event) {
  return "event " + std::to_string(event.number) + ", PCR " + std::to_string(event.pcr) + ", " +
         describe(event);
}

namespace {

constexpr unsigned secure_boot_pcr = 7;

void look_at_separators(const UntrustedEventLog& log, std::vector<EventLogFinding>& findings) {
  for (unsigned index = 0; index <= 7; ++index) {
    bool any = false;
    std::size_t separators = 0;
    for (const Event& event : log.events()) {
      if (event.pcr != index || !event.extends()) continue;
      any = true;
      if (event.type == ev_separator) ++separators;
    }
    if (any && separators != 1)
      findings.push_back({rules::eventlog_separator,
                          "PCR " + std::to_string(index) + " has " + std::to_string(separators) +
                              " separators instead of one: what ends the firmware's measurements"});
  }
}

void look_at_order(const UntrustedEventLog& log, std::vector<EventLogFinding>& findings) {
  bool separated = false;
  for (const Event& event : log.events()) {
    if (event.pcr != secure_boot_pcr) continue;
    if (separated && event.type == ev_efi_variable_driver_config)
      findings.push_back(
          {rules::eventlog_after_separator,
           "Secure Boot configuration after the firmware was done: " + place(event)});
    separated = separated || event.type == ev_separator;
  }
}

void look_at_data(const UntrustedEventLog& log, std::vector<EventLogFinding>& findings) {
  for (const Event& event : log.events()) {
    if (!event.extends() || !digest_is_of_data_by_type(event.type)) continue;
    const bool shim = quirks::shim_authority(event);
    for (const PcrBank bank : log.banks())
      if (!event.digest(bank).empty() && !event.data_measured(bank)) {
        if (shim)
          findings.push_back({rules::eventlog_note,
                              place(event) + ": " + std::string(quirks::shim_authority_words)});
        else
          findings.push_back({rules::eventlog_data_digest, "the data is not what was measured (" +
                                                               std::string(hash_name(bank)) +
                                                               "): " + place(event)});
        break;
      }
  }
}

void look_at_banks(const UntrustedEventLog& log, std::vector<EventLogFinding>& findings) {
  for (const PcrBank bank : log.banks()) {
    const auto missing = std::ranges::find_if(log.events(), [bank](const Event& event) {
      return event.extends() && event.digest(bank).empty();
    });
    if (missing != log.events().end())
      findings.push_back({rules::eventlog_bank, "bank " + std::string(hash_name(bank)) +
                                                    " has no digest in " + place(*missing) +
                                                    ": it cannot be replayed"});
  }
  if (log.banks() == std::vector{PcrBank::sha1})
    findings.push_back({rules::eventlog_sha1_alone,
                        "the log has SHA-1 digests alone: only quotes over SHA-1 banks could vouch "
                        "for it, and they are refused unless SHA-1 is allowed"});
}

}  // namespace

std::vector<EventLogFinding> event_log_findings(const UntrustedEventLog& log) {
  std::vector<EventLogFinding> findings;
  const bool firmware_log =
      log.format() == EventLogFormat::sha1 || log.format() == EventLogFormat::crypto_agile;
  if (firmware_log && log.registers() == Registers::pcr) {
    look_at_separators(log, findings);
    look_at_order(log, findings);
  }
  look_at_data(log, findings);
  look_at_banks(log, findings);
  for (const std::string& quirk : log.quirks()) findings.push_back({rules::eventlog_note, quirk});
  return findings;
}

}  // namespace attest::tpm
