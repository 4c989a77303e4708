// Time, as statements and verdicts use it: whole seconds since 1970-01-01 UTC. The library reads no
// clock; programs pass the time in.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "libattest/base/result.h"

namespace attest {

using Time = std::chrono::sys_seconds;
using Seconds = std::chrono::seconds;

inline std::int64_t unix_seconds(Time time) {
  return time.time_since_epoch().count();
}
inline Time from_unix(std::int64_t seconds) {
  return Time(Seconds(seconds));
}

// parse_time reads RFC 3339 in UTC with whole seconds, "2026-11-21T10:02:00Z", a date alone
// (midnight), or "@" and seconds since 1970.
Result<Time> parse_time(std::string_view text);
// to_rfc3339 gives "2026-11-21T10:02:00Z"; to_minutes gives "2026-11-21 10:02 UTC" for people.
std::string to_rfc3339(Time time);
std::string to_minutes(Time time);
// to_words gives a span for people: "12 d 4 h", "3 min", "41 s".
std::string to_words(Seconds span);
// parse_span reads "90s", "15m", "12h", "30d".
Result<Seconds> parse_span(std::string_view text);

namespace rules {
inline constexpr Rule time_form{"base.time.form"};
}

}  // namespace attest
