#include "libattest/evidence/ima_state.h"

#include <limits>

namespace attest::evidence {

cbor::Value to_cbor(const ImaState& state) {
  return cbor::Array{state.policy, state.reset_count, state.entries, hash_name(state.bank),
                     state.pcr};
}

Result<ImaState> parse_ima_state(const cbor::Value& value) {
  const auto malformed = [] {
    return fail(refused(rules::ima_state_form, "the state of an IMA list is malformed")
                    .expected("[policy, reset count, entries, bank, PCR 10]"));
  };
  const cbor::Array* parts = value.as_array();
  if (!parts || parts->size() != 5) return malformed();
  const Bytes* policy = (*parts)[0].as_bytes();
  const std::uint64_t* resets = (*parts)[1].as_unsigned();
  const std::uint64_t* entries = (*parts)[2].as_unsigned();
  const std::string* bank = (*parts)[3].as_text();
  const Bytes* pcr = (*parts)[4].as_bytes();
  if (!policy || !resets || !entries || !bank || !pcr) return malformed();
  const auto hash = hash_by_name(*bank);
  ImaState state;
  if (policy->size() != state.policy.size() || !hash || pcr->size() != digest_size(*hash) ||
      *resets > std::numeric_limits<std::uint32_t>::max())
    return malformed();
  std::copy(policy->begin(), policy->end(), state.policy.begin());
  state.reset_count = static_cast<std::uint32_t>(*resets);
  state.entries = *entries;
  state.bank = *hash;
  state.pcr = *pcr;
  return state;
}

}  // namespace attest::evidence
