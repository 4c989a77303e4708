// The one place that includes Catch2; every test includes this header first.
#pragma once

#include <string>

#include <catch2/catch.hpp>

#include "libattest/base/result.h"

// REQUIRE_OK(result) shows the error's words when a Result or Status failed.
#define REQUIRE_OK(...)                                                  \
  do {                                                                   \
    const auto& require_ok_result = (__VA_ARGS__);                       \
    if (!require_ok_result) FAIL(require_ok_result.error().to_string()); \
    SUCCEED();                                                           \
  } while (false)

// must(result) gives the value or fails the test with the error's words.
template <typename T>
T must(attest::Result<T> result) {
  if (!result) FAIL(result.error().to_string());
  return *std::move(result);
}
inline void must(attest::Status status) {
  if (!status) FAIL(status.error().to_string());
}

// REQUIRE_RULE(result, rules::x) holds when the result failed by exactly that rule.
#define REQUIRE_RULE(result, expected_rule)                       \
  do {                                                            \
    const auto& require_rule_result = (result);                   \
    REQUIRE_FALSE(require_rule_result.has_value());               \
    INFO(require_rule_result.error().to_string());                \
    REQUIRE(std::string(require_rule_result.error().rule.name) == \
            std::string((expected_rule).name));                   \
  } while (false)
