// How likely tokens were: what clients ask for beside an answer. Not part of a receipt. Pure.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "inference/text/vocabulary.h"

namespace attest::inference {

struct TokenChances {
  Token token;
  double log_probability;
  std::vector<std::pair<Token, double>> likeliest;  // falling; of equals the lowest token first
};

// chances_of gives those of `chosen` and of the `count` likeliest tokens, by the logits as the
// model gave them: before penalties, temperature and cuts.
TokenChances chances_of(Token chosen, std::span<const float> logits, std::size_t count);

}  // namespace attest::inference
