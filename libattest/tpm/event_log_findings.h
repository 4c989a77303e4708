// What can be said against an event log by looking at it alone: the rules of verify_event_log that
// need no quote, as sentences. Pure functions over untrusted values.
#pragma once

#include <string>
#include <vector>

#include "libattest/tpm/event_log.h"

namespace attest::tpm {

struct EventLogFinding {
  Rule rule;  // the rule by which verify_event_log would refuse; or eventlog_note
  std::string words;
};

// event_log_findings lists, in log order: separators of PCRs 0 to 7 that are missing or come twice,
// data that is not what was measured where its type defines it so, Secure Boot configuration after
// the separator, events that not every bank has a digest of, a log of SHA-1 alone, quirks.
std::vector<EventLogFinding> event_log_findings(const UntrustedEventLog& log);

// digest_is_of_data_by_type: the profile defines the digest of this type as the hash of the data.
bool digest_is_of_data_by_type(std::uint32_t type);
// place names an event for people: "event 12, PCR 7, EV_SEPARATOR".
std::string place(const Event& event);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule eventlog_note{"tpm.eventlog.note"};
inline constexpr Rule eventlog_sha1_alone{"tpm.eventlog.sha1-alone"};
}  // namespace attest::rules
