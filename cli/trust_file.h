// Where the trust root is: --trust FILE, $ATTEST_TRUST, or /etc/attest/trust.toml.
#pragma once

#include <string>

#include "cli/command_line.h"
#include "libattest/trust/trust_root.h"

namespace CLI {
class App;
}

namespace attest::cli {

void add_trust_option(Command* verb, std::string& path);

// load_trust reads the trust root; an empty `path` means the environment's, then the installed one.
// The file is believed because the person named or installed it.
Result<TrustRoot> load_trust(const std::string& path);

}  // namespace attest::cli
