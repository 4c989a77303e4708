#include "inference/answer/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "inference/kernels/exact.h"
#include "libattest/crypto/digest.h"

namespace attest::inference {

namespace {

constexpr std::size_t repetition_window = 64;

struct Candidate {
  Token token;
  float logit;
  double weight = 0;
};

bool before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

void punish_repetition(float repetition, std::span<const float> logits,
                       std::span<const Token> history, std::vector<Candidate>& candidates) {
  const std::size_t window = std::min(history.size(), repetition_window);
  for (const Token token : history.last(window)) {
    // Once a token, however often it stands in the window.
    if (token >= logits.size() || candidates[token].logit != logits[token]) continue;
    float& logit = candidates[token].logit;
    logit = logit > 0 ? logit / repetition : logit * repetition;
  }
}

void punish_presence(const SamplerSettings& settings, std::span<const Token> history,
                     std::vector<Candidate>& candidates) {
  std::map<Token, std::uint32_t> times;
  for (const Token token : history)
    if (token < candidates.size()) ++times[token];
  for (const auto& [token, count] : times) {
    const float penalty = static_cast<float>(count) * settings.frequency;
    candidates[token].logit = candidates[token].logit - (penalty + settings.presence);
  }
}

std::vector<Candidate> candidates_of(const SamplerSettings& settings, std::span<const float> logits,
                                     std::span<const Token> history) {
  std::vector<Candidate> candidates(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i)
    candidates[i] = {static_cast<Token>(i), logits[i]};
  if (settings.repetition != 1.0F)
    punish_repetition(settings.repetition, logits, history, candidates);
  if (settings.presence != 0.0F || settings.frequency != 0.0F)
    punish_presence(settings, history, candidates);
  return candidates;
}

double total(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& each : candidates) sum = sum + each.weight;
  return sum;
}

void keep_top_p(std::vector<Candidate>& candidates, double top_p) {
  const double enough = top_p * total(candidates);
  double sum = 0;
  std::size_t kept = 0;
  while (kept < candidates.size() && (kept == 0 || sum < enough)) sum += candidates[kept++].weight;
  candidates.resize(kept);
}

void keep_min_p(std::vector<Candidate>& candidates, double min_p) {
  const double least = min_p * candidates.front().weight;
  std::erase_if(candidates, [least](const Candidate& each) { return each.weight < least; });
}

Error out_of_range(std::string name, std::string expected, double found) {
  return refused(rules::sampler_settings, std::move(name) + " is out of range")
      .expected(std::move(expected))
      .found(std::to_string(found));
}

}  // namespace

Status check_settings(const SamplerSettings& settings) {
  if (!(settings.temperature >= 0 && settings.temperature <= 100))
    return fail(out_of_range("temperature", "0 to 100", settings.temperature));
  if (!(settings.top_p > 0 && settings.top_p <= 1))
    return fail(out_of_range("top_p", "above 0, at most 1", settings.top_p));
  if (!(settings.min_p >= 0 && settings.min_p <= 1))
    return fail(out_of_range("min_p", "0 to 1", settings.min_p));
  if (!(settings.repetition >= 0.01F && settings.repetition <= 100))
    return fail(out_of_range("repetition", "0.01 to 100", settings.repetition));
  if (!(settings.presence >= -2 && settings.presence <= 2))
    return fail(out_of_range("presence", "-2 to 2", settings.presence));
  if (!(settings.frequency >= -2 && settings.frequency <= 2))
    return fail(out_of_range("frequency", "-2 to 2", settings.frequency));
  return {};
}

double draw(std::uint64_t seed, std::uint64_t position) {
  Bytes message = to_bytes("attest-sample-v1");
  append_u64_le(message, seed);
  append_u64_le(message, position);
  const Sha256 digest = sha256(message);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | std::to_integer<std::uint64_t>(digest[i]);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

Token sample(const SamplerSettings& settings, std::span<const float> logits,
             std::span<const Token> history, std::uint64_t position,
             std::span<const std::uint8_t> allowed) {
  std::vector<Candidate> candidates = candidates_of(settings, logits, history);
  if (!allowed.empty())
    std::erase_if(candidates, [allowed](const Candidate& each) { return !allowed[each.token]; });
  if (settings.temperature == 0) return std::ranges::min_element(candidates, before)->token;

  const std::size_t kept = settings.top_k == 0
                               ? candidates.size()
                               : std::min<std::size_t>(settings.top_k, candidates.size());
  std::ranges::partial_sort(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                            before);
  candidates.resize(kept);
  const float largest = candidates.front().logit;
  for (Candidate& each : candidates)
    each.weight = static_cast<double>(exact::exp((each.logit - largest) / settings.temperature));
  keep_top_p(candidates, static_cast<double>(settings.top_p));
  keep_min_p(candidates, static_cast<double>(settings.min_p));

  const double mark = draw(settings.seed, position) * total(candidates);
  double sum = 0;
  for (const Candidate& each : candidates) {
    sum = sum + each.weight;
    if (sum > mark) return each.token;
  }
  return candidates.back().token;
}

}  // namespace attest::inference
