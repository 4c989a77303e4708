// The chain of logit hashes that a receipt carries: one for each position computed.
//   hash[i] = SHA-256(hash[i-1] || SHA-256(logits of position i as little-endian f32))
// with 32 zero bytes before the first.
#pragma once

#include <span>
#include <vector>

#include "libattest/crypto/digest.h"

namespace attest::inference {

class LogitsChain {
 public:
  LogitsChain() = default;
  // A chain that goes on behind the links of the first positions.
  explicit LogitsChain(std::vector<Sha256> hashes) : hashes_(std::move(hashes)) {}
  const Sha256& add(std::span<const float> logits);
  const std::vector<Sha256>& hashes() const { return hashes_; }

 private:
  std::vector<Sha256> hashes_;
};

}  // namespace attest::inference
