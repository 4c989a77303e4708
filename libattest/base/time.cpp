#include "libattest/base/time.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace attest {

namespace {

std::unexpected<Error> bad_time(std::string_view text) {
  return fail(refused(rules::time_form, "this is not a time")
                  .expected("UTC such as 2026-11-21T10:02:00Z, 2026-11-21 or @1795000000")
                  .found("\"" + std::string(text.substr(0, 64)) + "\""));
}

// Reads `digits` decimal digits at `position`, or gives -1.
int number_at(std::string_view text, std::size_t position, std::size_t digits) {
  int value = 0;
  for (std::size_t i = position; i < position + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

struct Calendar {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<Seconds> clock;
};

Calendar calendar(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<Seconds>(time - day)};
}

std::string written(Time time, const char* form) {
  const Calendar c = calendar(time);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), form, static_cast<int>(c.date.year()),
                static_cast<unsigned>(c.date.month()), static_cast<unsigned>(c.date.day()),
                static_cast<int>(c.clock.hours().count()),
                static_cast<int>(c.clock.minutes().count()),
                static_cast<int>(c.clock.seconds().count()));
  return text.data();
}

}  // namespace

Result<Time> parse_time(std::string_view text) {
  if (text.starts_with('@')) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), seconds);
    // 253402300799 is the last second of the year 9999.
    if (error != std::errc() || end != text.data() + text.size() || seconds < 0 ||
        seconds > 253402300799)
      return bad_time(text);
    return from_unix(seconds);
  }
  const bool date_only = text.size() == 10;
  if (!date_only && (text.size() != 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
                     text[19] != 'Z'))
    return bad_time(text);
  if (text[4] != '-' || text[7] != '-') return bad_time(text);
  const int year = number_at(text, 0, 4);
  const int month = number_at(text, 5, 2);
  const int day = number_at(text, 8, 2);
  const int hour = date_only ? 0 : number_at(text, 11, 2);
  const int minute = date_only ? 0 : number_at(text, 14, 2);
  const int second = date_only ? 0 : number_at(text, 17, 2);
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59)
    return bad_time(text);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return bad_time(text);
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + Seconds(second);
}

std::string to_rfc3339(Time time) {
  return written(time, "%04d-%02u-%02uT%02d:%02d:%02dZ");
}
std::string to_minutes(Time time) {
  return written(time, "%04d-%02u-%02u %02d:%02d UTC");
}

std::string to_words(Seconds span) {
  const std::int64_t s = span.count() < 0 ? -span.count() : span.count();
  const auto two = [](std::int64_t large, const char* unit, std::int64_t small, const char* sub) {
    std::string text = std::to_string(large) + unit;
    if (small != 0) text += " " + std::to_string(small) + sub;
    return text;
  };
  if (s >= 86400) return two(s / 86400, " d", s % 86400 / 3600, " h");
  if (s >= 3600) return two(s / 3600, " h", s % 3600 / 60, " min");
  if (s >= 60) return two(s / 60, " min", s % 60, " s");
  return std::to_string(s) + " s";
}

Result<Seconds> parse_span(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t scale = unit == "s"   ? 1
                             : unit == "m" ? 60
                             : unit == "h" ? 3600
                             : unit == "d" ? 86400
                                           : 0;
  if (error != std::errc() || scale == 0 || count < 0 || count > 36500LL * 86400 / scale)
    return fail(refused(rules::time_form, "this is not a span of time")
                    .expected("a number and s, m, h or d, such as 15m")
                    .found("\"" + std::string(text.substr(0, 64)) + "\""));
  return Seconds(count * scale);
}

}  // namespace attest
