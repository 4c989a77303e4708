// A published log as verbs name it: a directory of tiles, or a URL.
#pragma once

#include <memory>
#include <string>

#include "ledger/audit.h"

namespace attest::cli {

// open_log_source reads "https://…" or "http://…" over the network, trusting the certificates in
// `ca_file` where it is named; anything else is a directory.
Result<std::unique_ptr<ledger::TileSource>> open_log_source(const std::string& place,
                                                            const std::string& ca_file);

}  // namespace attest::cli
