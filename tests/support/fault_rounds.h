// How often tests of faults do it all again: once in ctest, more in `./run faults`.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace attest {

inline int fault_rounds() {
  const char* said = std::getenv("ATTEST_FAULT_ROUNDS");
  return said == nullptr ? 1 : std::clamp(std::atoi(said), 1, 1000);
}

}  // namespace attest
