// ImaState: how far a verifier knows a node's IMA list, so that the node need only send what
// follows. It travels inside the challenge, signed by the verifier, so that evidence with the rest
// of a list can be verified again by whoever has the evidence. Plain value.
#pragma once

#include <cstdint>

#include "libattest/base/cbor.h"
#include "libattest/crypto/digest.h"

namespace attest::evidence {

struct ImaState {
  Sha256 policy{};                // by which the entries so far were judged, and found good
  std::uint32_t reset_count = 0;  // of the boot, as the node's AK quotes it
  std::uint64_t entries = 0;      // so far
  HashAlgorithm bank = HashAlgorithm::sha256;
  Bytes pcr;  // PCR 10 of the bank after them
  friend bool operator==(const ImaState&, const ImaState&) = default;
};

// to_cbor and parse_ima_state: [policy, reset count, entries, bank, PCR 10]. Parsing refuses
// (rules::ima_state_form) anything else, and a value of another length than the bank's.
cbor::Value to_cbor(const ImaState& state);
Result<ImaState> parse_ima_state(const cbor::Value& value);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule ima_state_form{"evidence.ima-state.form"};
}
