// A model's proof bundle, found and verified: what all verbs of lineage begin with.
#pragma once

#include <string>

#include "cli/command_line.h"
#include "libattest/base/time.h"
#include "libattest/lineage/bundle.h"

namespace CLI {
class App;
}

namespace attest::cli {

struct BundleOf {
  std::string file;
  std::string bundle;
  std::string trust;
};
// add_bundle_options adds FILE, --bundle and --trust.
void add_bundle_options(Command* verb, BundleOf& options);

Result<lineage::VerifiedBundle> verified_bundle(const BundleOf& options, Time now);

}  // namespace attest::cli
