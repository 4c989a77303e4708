// What a published log says about one device, read from the log whole: every entry hashed, the root
// compared with the signed one, every statement held to the trust root. So nothing is left out.
#pragma once

#include <vector>

#include "ledger/audit.h"
#include "libattest/hardware/proven_statement.h"
#include "libattest/trust/trust_root.h"

namespace attest::cli {

struct DeviceRecord {
  std::vector<hardware::ProvenStatement> statements;
  // Statements about the device that the trust root does not let their signers make.
  std::vector<Error> without_effect;
  std::string origin;
  std::uint64_t size = 0;
};

// read_device_record verifies the checkpoint by the trust root's keys of its log. A log that is not
// what its checkpoint says is refused.
Result<DeviceRecord> read_device_record(ledger::TileSource& source,
                                        const statement::Subject& device, const TrustRoot& trust);

// open_published_log opens the folder of a published or exported log.
std::unique_ptr<ledger::TileSource> open_published_log(const std::string& folder);

}  // namespace attest::cli
