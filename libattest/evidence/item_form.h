// What the readers of items have in common. For sources of this room.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "libattest/base/result.h"

namespace attest::evidence {

// of_form gives what was read; an error becomes one of the item's own rule, with the item's place,
// unless it is one already.
template <typename T>
Result<T> of_form(Rule rule, std::string_view item, Result<T> read) {
  if (read || read.error().rule == rule) return read;
  Error error = std::move(read).error();
  error.rule = rule;
  return fail(std::move(error).within("item \"" + std::string(item) + "\""));
}

}  // namespace attest::evidence
