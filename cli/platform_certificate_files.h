// Platform certificates from files, and the parts of a machine compared with them.
#pragma once

#include <string>
#include <vector>

#include "cli/report.h"
#include "libattest/base/time.h"

namespace attest::cli {

struct PlatformOptions {
  std::string certificate;
  std::vector<std::string> deltas;
  std::vector<std::string> authorities;
  std::vector<std::string> intermediates;
  std::string ek;
  std::string components;
  std::string at;
};

// platform_verify checks the base and its deltas, and compares with what was found where the
// options name a file of it.
Result<Report> platform_verify(const PlatformOptions& options, Time now);

}  // namespace attest::cli
