// Witness policies (C2SP tlog-policy, as sigsum has them): which log, and which of the witnesses
// must have cosigned, as a text file.
//
//   log VKEY [URL]
//   witness NAME VKEY [URL]                  NAME is local to the file
//   group NAME N|any|all MEMBER…             members are witnesses and groups named above
//   quorum NAME|none                         exactly once
//
// One directive a line; '#' begins a comment line; empty lines are allowed. Every member must be
// defined before it is used, so that no group can contain itself; a name is defined once, and a
// witness key stands in the file once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libattest/transparency/checkpoint.h"

namespace attest::transparency {

struct WitnessPolicy {
  struct Log {
    VerifierKey key;
    std::string url;
  };
  struct Witness {
    std::string name;
    VerifierKey key;
    std::string url;
  };
  struct Group {
    std::string name;
    std::size_t threshold;  // 1 to the number of members
    std::vector<std::string> members;
  };
  std::vector<Log> logs;
  std::vector<Witness> witnesses;
  std::vector<Group> groups;
  std::string quorum;  // the name of a witness or group, or "none"

  // satisfied_by says whether these witnesses (keys) are enough. Groups are evaluated in file
  // order.
  bool satisfied_by(std::span<const VerifierKey> cosigners) const;
};

Result<WitnessPolicy> parse_witness_policy(std::string_view text);
std::string format_witness_policy(const WitnessPolicy& policy);

// policy_of gives "quorum of k of these": what a trust root's log section says.
WitnessPolicy policy_of(const LogVerifiers& verifiers);

// verify_checkpoint_by_policy checks what verify_checkpoint does with the policy's log keys for
// this origin, and that the policy's quorum cosigned: a missing cosignature is refused
// (rules::policy_quorum), for the policy is all that was asked.
Result<VerifiedCheckpoint> verify_checkpoint_by_policy(ByteView note, const WitnessPolicy& policy);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule policy_form{"transparency.policy.form"};
inline constexpr Rule policy_unknown_log{"transparency.policy.unknown-log"};
inline constexpr Rule policy_quorum{"transparency.policy.quorum"};
}  // namespace attest::rules
