#include "inference/serving/log_probabilities.h"

#include "tests/support/catch.h"

using namespace attest::inference;

TEST_CASE("log-probabilities are those of the softmax, the likeliest first") {
  const std::vector<float> logits{0.0F, 2.0F, 2.0F, -1000.0F};
  const TokenChances chances = chances_of(0, logits, 2);
  REQUIRE(chances.token == 0);
  REQUIRE(chances.log_probability == Approx(-2.7586).margin(1e-4));
  REQUIRE(chances.likeliest.size() == 2);
  REQUIRE(chances.likeliest[0].first == 1);
  REQUIRE(chances.likeliest[1].first == 2);
  REQUIRE(chances.likeliest[0].second == Approx(-0.7586).margin(1e-4));
  REQUIRE(chances_of(3, logits, 9).likeliest.size() == 4);
  REQUIRE(chances_of(3, logits, 0).log_probability == Approx(-1002.7586).margin(1e-3));
}
