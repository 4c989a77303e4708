// Judging the lives of a node's devices by the ledger. For sources of this room.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>

#include "libattest/appraisal/appraise.h"
#include "libattest/appraisal/checks.h"

namespace attest::appraisal {

// NodeDevice is a device that was found in the node.
struct NodeDevice {
  std::string name;  // in checks: "ek", "gpu.0", "chip", "platform"
  statement::DeviceKind kind;
  // By the device's own signature, or its maker's; nothing where it signed nothing that holds.
  std::optional<statement::DeviceIdentity> identity;
};

// check_custody adds the custody.… and place.… checks that appraise() lists, and gives the ledger
// indexes of the statements relied on.
std::set<std::uint64_t> check_custody(std::span<const NodeDevice> devices, const Policy& policy,
                                      const AppraisalInputs& inputs, Checks& checks);

}  // namespace attest::appraisal
