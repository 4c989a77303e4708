#include "inference/serving/log_probabilities.h"

#include <algorithm>
#include <numeric>

#include "inference/kernels/exact.h"

namespace attest::inference {

TokenChances chances_of(Token chosen, std::span<const float> logits, std::size_t count) {
  const auto largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (const float logit : logits) {
    const double distance = static_cast<double>(logit) - largest;
    if (distance > -700) sum = sum + exact::exponential(distance);
  }
  const double whole = largest + exact::logarithm(sum);
  const auto chance = [&](Token token) { return static_cast<double>(logits[token]) - whole; };

  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), Token{0});
  count = std::min(count, order.size());
  std::ranges::partial_sort(
      order, order.begin() + static_cast<std::ptrdiff_t>(count),
      [&](Token a, Token b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); });
  TokenChances chances{chosen, chance(chosen), {}};
  for (std::size_t i = 0; i < count; ++i)
    chances.likeliest.emplace_back(order[i], chance(order[i]));
  return chances;
}

}  // namespace attest::inference
