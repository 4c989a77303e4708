// DICE chains: each layer of firmware certifies the key of the next. Given in order, leaf first.
#pragma once

#include "libattest/base/time.h"
#include "libattest/dice/tcb_info.h"

namespace attest::dice {

struct Layer {
  Certificate certificate;
  std::vector<TcbInfo> tcb_infos;
  std::optional<Bytes> ueid;
};

// VerifiedDiceChain: only verify_dice_chain makes one.
class VerifiedDiceChain {
 public:
  const std::vector<Layer>& layers() const { return layers_; }  // leaf first

 private:
  friend Result<VerifiedDiceChain> verify_dice_chain(const std::vector<Certificate>&,
                                                     const std::vector<Certificate>&, Time,
                                                     const std::vector<Bytes>&);
  VerifiedDiceChain() = default;
  std::vector<Layer> layers_;
};

// verify_dice_chain checks, from the leaf on:
//   - each certificate is issued by the next: names, key identifiers and key usage agree
//     (rules::dice_not_issuer), and the next one's key signed it (rules::dice_signature); issuers
//     are authorities, and their path lengths hold (rules::dice_authority);
//   - the last is one of `anchors`, or issued by one (rules::dice_anchor, incomplete). An anchor is
//     believed as it is: a device's own identity certificate can be one;
//   - all are valid at `at` (rules::chain_time, incomplete);
//   - what the certificates say in their DICE extensions is well-formed.
//   - no certificate is revoked by a CRL of its issuer among `crls`, DER (rules::chain_revoked); a
//     CRL out of its time is incomplete, one that its issuer did not sign is refused
//     (rules::chain_crl).
// Not checked: whether firmware ids are known, or flags good: see TcbInfo::debug.
Result<VerifiedDiceChain> verify_dice_chain(const std::vector<Certificate>& chain,
                                            const std::vector<Certificate>& anchors, Time at,
                                            const std::vector<Bytes>& crls = {});

}  // namespace attest::dice

namespace attest::rules {
inline constexpr Rule dice_empty{"dice.chain.empty"};
inline constexpr Rule dice_not_issuer{"dice.chain.not-issuer"};
inline constexpr Rule dice_signature{"dice.chain.signature"};
inline constexpr Rule dice_authority{"dice.chain.authority"};
inline constexpr Rule dice_anchor{"dice.chain.anchor"};
}  // namespace attest::rules
