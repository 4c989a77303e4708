#include "fixtures/tiny-model/transformer.h"

#include <cmath>

#include "fixtures/tiny-model/exact_math.h"
#include "fixtures/tiny-model/matrix_product.h"
#include "fixtures/tiny-model/random.h"
#include "tests/support/catch.h"

using namespace attest::tiny_model;

namespace {

constexpr Shape small{
    .dim = 128, .layers = 2, .heads = 4, .kv_heads = 2, .ffn = 64, .vocabulary = 64, .context = 64};
constexpr std::size_t rows = 2;

std::vector<double> random_parameters(Random& random) {
  std::vector<double> parameters(parameter_count(small));
  for (double& p : parameters) p = random.normal() * 0.2;
  return parameters;
}

std::vector<Token> random_tokens(Random& random) {
  std::vector<Token> tokens(rows * small.context);
  for (Token& token : tokens) token = static_cast<Token>(random.below(small.vocabulary));
  return tokens;
}

}  // namespace

TEST_CASE("the gradient by hand is the gradient by finite differences, in every tensor") {
  Random random(7);
  auto parameters = random_parameters(random);
  const auto tokens = random_tokens(random);
  const auto targets = random_tokens(random);
  Transformer<double> transformer(small, rows, small.context);
  std::vector<double> gradients(parameters.size());
  std::vector<double> unused(parameters.size());
  const auto loss_at = [&](std::size_t index, double value) {
    const double kept = std::exchange(parameters[index], value);
    transformer.forward(parameters, tokens);
    const double loss = transformer.backward(parameters, tokens, targets, unused);
    parameters[index] = kept;
    return loss;
  };
  transformer.forward(parameters, tokens);
  transformer.backward(parameters, tokens, targets, gradients);
  for (const TensorSlot& slot : tensor_slots(small)) {
    for (int probe = 0; probe < 2; ++probe) {
      const std::size_t index = slot.offset + random.below(slot.size());
      constexpr double step = 1e-5;
      const double here = parameters[index];
      const double slope = (loss_at(index, here + step) - loss_at(index, here - step)) / (2 * step);
      INFO(slot.name << " element " << index - slot.offset);
      REQUIRE(gradients[index] == Approx(slope).epsilon(1e-4).margin(1e-8));
    }
  }
}

TEST_CASE("what comes after a token has no influence on it") {
  Random random(8);
  const auto parameters = random_parameters(random);
  auto tokens = random_tokens(random);
  Transformer<double> transformer(small, rows, small.context);
  const auto before = transformer.forward(parameters, tokens);
  const std::vector<double> kept(before.begin(), before.end());
  constexpr std::size_t changed = 40;
  tokens[changed] = (tokens[changed] + 1) % small.vocabulary;
  const auto after = transformer.forward(parameters, tokens);
  const std::size_t border = changed * small.vocabulary;
  REQUIRE(std::equal(kept.begin(), kept.begin() + border, after.begin()));
  REQUIRE_FALSE(std::equal(kept.begin() + border, kept.begin() + border + small.vocabulary,
                           after.begin() + border));
  // The second row is another story.
  const std::size_t row = small.context * small.vocabulary;
  REQUIRE(std::equal(kept.begin() + row, kept.end(), after.begin() + row));
}

TEST_CASE("a product in tiles is the product by its definition, to the bit") {
  Random random(9);
  constexpr std::size_t m = 13;
  constexpr std::size_t k = 17;
  constexpr std::size_t n = 64;
  std::vector<float> a(m * k);
  std::vector<float> b(k * n);
  std::vector<float> c(m * n, 0.5F);
  for (float& x : a) x = static_cast<float>(random.normal());
  for (float& x : b) x = static_cast<float>(random.normal());
  std::vector<float> expected = c;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t p = 0; p < k; ++p) {
      for (std::size_t j = 0; j < n; ++j) expected[i * n + j] += a[i * k + p] * b[p * n + j];
    }
  }
  multiply<float>(m, k, n, {a.data(), k}, {b.data(), n}, {c.data(), n}, true);
  REQUIRE(c == expected);
}

TEST_CASE("exp, sine and cosine of our own agree with the C library's") {
  for (double x = -79; x < 79; x += 0.37) {
    REQUIRE(exact_exp(x) == Approx(std::exp(x)).epsilon(1e-14));
    const auto single = static_cast<float>(x);
    REQUIRE(static_cast<double>(exact_exp(single)) ==
            Approx(std::exp(static_cast<double>(single))).epsilon(3e-7));
  }
  for (double x = -3.2; x < 3.2; x += 0.01) {
    REQUIRE(exact_sine(x) == Approx(std::sin(x)).margin(1e-15));
    REQUIRE(exact_cosine(x) == Approx(std::cos(x)).margin(1e-15));
  }
}
