#include "inference/answer/sampler.h"

#include <array>
#include <cmath>
#include <vector>

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::inference;

TEST_CASE("presence counts once, frequency each time") {
  const std::vector<float> logits{1.0F, 1.5F, 1.2F};
  const std::vector<Token> history{1, 1, 2, 7};
  const auto greedy = [&](float presence, float frequency) {
    return sample({.presence = presence, .frequency = frequency}, logits, history, 4);
  };
  REQUIRE(greedy(0, 0) == 1);
  REQUIRE(greedy(0.4F, 0) == 1);
  REQUIRE(greedy(0.6F, 0) == 0);
  REQUIRE(greedy(0, 0.19F) == 1);  // 1.12, before 1.01 and 1
  REQUIRE(greedy(0, 0.3F) == 0);
  REQUIRE(greedy(-1, 0) == 1);
  REQUIRE_RULE(check_settings({.presence = 2.1F}), rules::sampler_settings);
  REQUIRE_RULE(check_settings({.frequency = -2.1F}), rules::sampler_settings);
}

TEST_CASE("greedy takes the largest logit, of equals the lowest token") {
  const std::array<float, 4> logits{1, 3, 3, 2};
  REQUIRE(sample({}, logits, {}, 0) == 1);
}

TEST_CASE("a draw depends on seed and position, and on nothing else") {
  REQUIRE(draw(1, 2) == draw(1, 2));
  REQUIRE(draw(1, 2) != draw(1, 3));
  REQUIRE(draw(1, 2) != draw(2, 2));
  double sum = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const double u = draw(9, i);
    REQUIRE((u >= 0 && u < 1));
    sum += u;
  }
  REQUIRE(sum == Approx(500).margin(30));
}

TEST_CASE("draws follow the distribution") {
  const std::array<float, 3> logits{0.0F, std::log(2.0F), std::log(5.0F)};
  std::array<int, 3> seen{};
  for (std::uint64_t i = 0; i < 8000; ++i) ++seen[sample({.temperature = 1}, logits, {}, i)];
  REQUIRE(seen[0] == Approx(1000).margin(120));
  REQUIRE(seen[1] == Approx(2000).margin(160));
  REQUIRE(seen[2] == Approx(5000).margin(180));
}

TEST_CASE("top-k, top-p and min-p drop what they say") {
  const std::array<float, 3> logits{0.0F, std::log(2.0F), std::log(5.0F)};
  const auto seen = [&](SamplerSettings settings) {
    settings.temperature = 1;
    std::array<int, 3> counts{};
    for (std::uint64_t i = 0; i < 300; ++i) ++counts[sample(settings, logits, {}, i)];
    return counts;
  };
  REQUIRE(seen({.top_k = 1})[2] == 300);
  REQUIRE(seen({.top_k = 2})[0] == 0);
  REQUIRE(seen({.top_k = 2})[1] > 0);
  REQUIRE(seen({.top_p = 0.5F})[2] == 300);
  REQUIRE(seen({.top_p = 0.8F})[0] == 0);
  REQUIRE(seen({.top_p = 0.8F})[1] > 0);
  REQUIRE(seen({.min_p = 0.3F})[0] == 0);
  REQUIRE(seen({.min_p = 0.3F})[1] > 0);
}

TEST_CASE("repetition weighs a token once, on the right side of zero") {
  const std::array<float, 3> logits{3, 2, -1};
  const std::array<Token, 3> history{0, 0, 0};
  REQUIRE(sample({.repetition = 2}, logits, history, 3) == 1);
  REQUIRE(sample({.repetition = 1.4F}, logits, history, 3) == 0);
  const std::array<float, 2> negative{-1, -1.5F};
  const std::array<Token, 1> first{0};
  REQUIRE(sample({.repetition = 2}, negative, first, 1) == 1);
  // What lies more than 64 tokens back is forgotten.
  std::vector<Token> long_history(65, 2);
  long_history[0] = 0;
  REQUIRE(sample({.repetition = 2}, logits, long_history, 65) == 0);
}

TEST_CASE("settings out of range are refused") {
  REQUIRE_OK(check_settings({}));
  REQUIRE_RULE(check_settings({.temperature = -1}), rules::sampler_settings);
  REQUIRE_RULE(check_settings({.temperature = std::nanf("")}), rules::sampler_settings);
  REQUIRE_RULE(check_settings({.top_p = 0}), rules::sampler_settings);
  REQUIRE_RULE(check_settings({.top_p = 1.5F}), rules::sampler_settings);
  REQUIRE_RULE(check_settings({.min_p = -0.1F}), rules::sampler_settings);
  REQUIRE_RULE(check_settings({.repetition = 0}), rules::sampler_settings);
}

TEST_CASE("only what is allowed is chosen, by chance or by weight") {
  const std::array<float, 4> logits{1, 9, 3, 2};
  const std::array<std::uint8_t, 4> allowed{1, 0, 0, 1};
  REQUIRE(sample({}, logits, {}, 0, allowed) == 3);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Token token = sample({.temperature = 2, .top_p = 0.9F}, logits, {}, i, allowed);
    REQUIRE((token == 0 || token == 3));
  }
}
