// Node state change: what a verifier enters in the ledger when a node's standing changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"

namespace attest::statement {

enum class NodeState { enrolled, trusted, failed, incomplete };
std::string_view to_string(NodeState state);
Result<NodeState> parse_node_state(std::string_view text);

struct NodeStateChange {
  std::optional<NodeState> from;  // nothing for the first
  NodeState to = NodeState::enrolled;
  Sha256 result{};  // SHA-256 of the EAR
  std::vector<std::string> reasons;
  Time time;
  friend bool operator==(const NodeStateChange&, const NodeStateChange&) = default;
};

Bytes encode(const NodeStateChange& change);
Result<NodeStateChange> decode_node_state_change(ByteView payload);

}  // namespace attest::statement
