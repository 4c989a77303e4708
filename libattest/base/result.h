// Result and Error: how every function of this project fails.
//
// A function that can fail returns Result<T>. An Error says which rule was broken, what was
// expected, what was found and where, and can be shown to a person as it stands. Errors are values;
// exceptions do not cross a public interface. Everything here is a plain value without shared state
// and may be used from any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace attest {

// Rule names one rule that an input can break, such as "tpm.quote.magic". Each room declares its
// rules as constants, so that a test can name the very rule it exercises and so that programs that
// read --json have a stable key. The text must outlive the program: use literals only.
struct Rule {
  std::string_view name;
  friend constexpr bool operator==(Rule, Rule) = default;
};

// ErrorKind says what a failure means for a verdict. It fixes the exit status of programs.
enum class ErrorKind {
  refused,     // it was checked and it is wrong, malformed input included: exit status 1
  incomplete,  // it could not be checked: collateral missing, expired, unreachable: exit status 2
  usage,       // the person asked for something that makes no sense: exit status 64
  fault,       // this program or machine failed: exit status 70
};

// Error is one failure, in words. Fields other than rule, kind and what may be empty.
struct Error {
  Rule rule;
  ErrorKind kind;
  std::string what;            // what is wrong, one line, no final full stop
  std::string expected_value;  // what should have been there
  std::string found_value;     // what was there
  std::string where;           // file, offset, field: outermost first
  std::string next_step;       // what the person can do about it

  Error& expected(std::string value) &;
  Error& found(std::string value) &;
  Error& next(std::string step) &;
  Error&& expected(std::string value) &&;
  Error&& found(std::string value) &&;
  Error&& next(std::string step) &&;

  // within puts `place` in front of where the error already says it happened, so that a caller can
  // add "trust.toml" to an error that says "line 9".
  Error& within(std::string_view place) &;
  Error&& within(std::string_view place) &&;

  // to_string gives the whole error on one line:
  // "where: what: expected X, found Y; next step".
  std::string to_string() const;
};

// refused, incomplete, usage_error and fault each make an Error of that kind.
Error refused(Rule rule, std::string what);
Error incomplete(Rule rule, std::string what);
Error usage_error(std::string what);
Error fault(Rule rule, std::string what);

// system_fault is fault with the text of `errno_value` added.
Error system_fault(Rule rule, std::string what, int errno_value);

// exit_status maps a kind to the exit status of every program: 1, 2, 64 or 70.
int exit_status(ErrorKind kind);

std::string_view to_string(ErrorKind kind);

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

// fail wraps an Error for return: `return fail(refused(rule, "…").expected("…").found("…"));`
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace attest

// TRY(auto value, expression) evaluates a Result, returns its error from the enclosing function, or
// declares `value` from what it holds. TRY_VOID(expression) is the same for a Status, or for a
// Result whose value is not wanted.
#define ATTEST_CONCATENATE_(a, b) a##b
#define ATTEST_CONCATENATE(a, b) ATTEST_CONCATENATE_(a, b)
#define ATTEST_TRY_(holder, declaration, ...)                     \
  auto holder = (__VA_ARGS__);                                    \
  if (!holder) return std::unexpected(std::move(holder).error()); \
  declaration = *std::move(holder)
#define TRY(declaration, ...) \
  ATTEST_TRY_(ATTEST_CONCATENATE(try_result_, __LINE__), declaration, __VA_ARGS__)
#define TRY_VOID(...)                                        \
  do {                                                       \
    if (auto try_status = (__VA_ARGS__); !try_status)        \
      return std::unexpected(std::move(try_status).error()); \
  } while (false)
// TRY_WITHIN is TRY that says where the expression was read from.
#define ATTEST_TRY_WITHIN_(holder, place, declaration, ...)                                \
  auto holder = (__VA_ARGS__);                                                             \
  if (!holder) return std::unexpected(std::move(std::move(holder).error().within(place))); \
  declaration = *std::move(holder)
#define TRY_WITHIN(place, declaration, ...) \
  ATTEST_TRY_WITHIN_(ATTEST_CONCATENATE(try_result_, __LINE__), place, declaration, __VA_ARGS__)
