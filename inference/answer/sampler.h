// Choosing the next token from logits: greedy, or drawn by a generator that has no state but the
// seed and the position, so that any token can be checked alone.
//
// sample, with temperature 0: the largest logit; of equals the lowest token. Otherwise:
//   0. tokens that the answer's form does not allow are left out (for temperature 0 too);
//   1. repetition: the logit of each token among the last 64 is divided by `repetition` where it is
//      above 0 and multiplied where not; then float(n) * frequency + presence is taken from the
//      logit of each token that is in the text n times (both are done for temperature 0 too);
//   2. tokens are sorted by logit, falling, then by token, rising; top_k keeps the first k;
//   3. weights exp((logit - largest) / temperature), by exact::exp; they are added in order;
//   4. top_p keeps the shortest beginning whose weights reach top_p of their sum; min_p then drops
//      tokens whose weight is below min_p of the first's;
//   5. the draw u in [0, 1): the first token at which the running sum of weights exceeds u * sum.
// Sums are in binary64, in order. u is the first 53 bits of
// SHA-256("attest-sample-v1" || u64le seed || u64le position), times 2^-53.
#pragma once

#include <cstdint>
#include <span>

#include "inference/text/vocabulary.h"
#include "libattest/base/result.h"

namespace attest::inference {

struct SamplerSettings {
  float temperature = 0.0F;  // 0: greedy
  std::uint32_t top_k = 0;   // 0: all
  float top_p = 1.0F;        // above 0, at most 1
  float min_p = 0.0F;        // 0 to 1
  float repetition = 1.0F;   // 1: none
  float presence = 0.0F;     // -2 to 2; 0: none
  float frequency = 0.0F;    // -2 to 2; 0: none
  std::uint64_t seed = 0;
  friend bool operator==(const SamplerSettings&, const SamplerSettings&) = default;
};

// check_settings refuses numbers outside their ranges (rules::sampler_settings).
Status check_settings(const SamplerSettings& settings);

// sample chooses the token at `position` of a text whose earlier tokens are `history`. Logits are
// finite and there is at least one; settings were checked. With `allowed`, one entry a token and
// not all 0, only tokens whose entry is not 0 are chosen.
Token sample(const SamplerSettings& settings, std::span<const float> logits,
             std::span<const Token> history, std::uint64_t position,
             std::span<const std::uint8_t> allowed = {});

// draw is the u of step 5.
double draw(std::uint64_t seed, std::uint64_t position);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule sampler_settings{"inference.sampler.settings"};
}
