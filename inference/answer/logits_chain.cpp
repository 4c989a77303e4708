#include "inference/answer/logits_chain.h"

#include <bit>

namespace attest::inference {

const Sha256& LogitsChain::add(std::span<const float> logits) {
  static_assert(std::endian::native == std::endian::little);
  const Sha256 before = hashes_.empty() ? Sha256{} : hashes_.back();
  const Sha256 here = sha256(std::as_bytes(logits));
  return hashes_.emplace_back(sha256({ByteView(before), ByteView(here)}));
}

}  // namespace attest::inference
