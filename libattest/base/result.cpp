#include "libattest/base/result.h"

#include <system_error>

namespace attest {

Error& Error::expected(std::string value) & {
  expected_value = std::move(value);
  return *this;
}
Error& Error::found(std::string value) & {
  found_value = std::move(value);
  return *this;
}
Error& Error::next(std::string step) & {
  next_step = std::move(step);
  return *this;
}
Error&& Error::expected(std::string value) && {
  return std::move(expected(std::move(value)));
}
Error&& Error::found(std::string value) && {
  return std::move(found(std::move(value)));
}
Error&& Error::next(std::string step) && {
  return std::move(next(std::move(step)));
}

Error& Error::within(std::string_view place) & {
  where = where.empty() ? std::string(place) : std::string(place) + ": " + where;
  return *this;
}
Error&& Error::within(std::string_view place) && {
  return std::move(within(place));
}

std::string Error::to_string() const {
  std::string text;
  if (!where.empty()) text += where + ": ";
  text += what;
  if (!expected_value.empty()) text += ": expected " + expected_value;
  if (!found_value.empty()) {
    text += expected_value.empty() ? ": found " : ", found ";
    text += found_value;
  }
  if (!next_step.empty()) text += "; " + next_step;
  return text;
}

namespace {
Error make_error(Rule rule, ErrorKind kind, std::string what) {
  return Error{rule, kind, std::move(what), {}, {}, {}, {}};
}
}  // namespace

Error refused(Rule rule, std::string what) {
  return make_error(rule, ErrorKind::refused, std::move(what));
}
Error incomplete(Rule rule, std::string what) {
  return make_error(rule, ErrorKind::incomplete, std::move(what));
}
Error usage_error(std::string what) {
  return make_error(Rule{"usage"}, ErrorKind::usage, std::move(what));
}
Error fault(Rule rule, std::string what) {
  return make_error(rule, ErrorKind::fault, std::move(what));
}
Error system_fault(Rule rule, std::string what, int errno_value) {
  return fault(rule, std::move(what) + ": " + std::generic_category().message(errno_value));
}

int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::refused:
      return 1;
    case ErrorKind::incomplete:
      return 2;
    case ErrorKind::usage:
      return 64;
    case ErrorKind::fault:
      return 70;
  }
  return 70;
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::incomplete:
      return "incomplete";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::fault:
      return "fault";
  }
  return "fault";
}

}  // namespace attest
