#include <array>
#include <cfenv>
#include <cmath>

#include "inference/exact.h"
#include "inference/generate.h"
#include "inference/kernels.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> kernels{&scalar_kernels()};
  for (const Kernels* each : {avx2_kernels(), avx512_kernels()}) {
    if (each) kernels.push_back(each);
  }
  if (kernels.size() < 3) WARN("this processor has not all instruction sets");
  return kernels;
}

std::vector<Token> some_text(std::size_t length) {
  std::vector<Token> text{1};
  for (std::size_t i = 1; i < length; ++i) text.push_back(static_cast<Token>((i * 37) % 260));
  return text;
}

std::vector<Sha256> hashes(const Transformer& transformer, const std::vector<Token>& text,
                           const Machine& machine) {
  auto sequence = must(Sequence::begin(transformer, text.size()));
  LogitsChain chain;
  must(sequence.append(text, machine, [&](std::size_t, std::span<const float> logits) {
    chain.add(logits);
    return Status();
  }));
  return chain.hashes();
}

}  // namespace

TEST_CASE("logits are the same on every instruction set, thread count and chunk size") {
  const auto text = some_text(40);
  std::vector<Bytes> files{small_model(), small_model({.halves = true}),
                           must(model::quantize_gguf(small_model())),
                           must(model::quantize_gguf(small_model({.own_output = false})))};
  std::vector<std::vector<Sha256>> seen;
  for (const Bytes& file : files) {
    const Transformer transformer = must(load_from(file));
    const auto serial = make_serial_executor();
    const auto expected =
        hashes(transformer, text,
               {.executor = serial.get(), .kernels = &scalar_kernels(), .chunk = text.size()});
    REQUIRE(expected.size() == text.size());
    for (const unsigned threads : {1U, 2U}) {
      const auto executor = make_thread_pool(threads);
      for (const Kernels* kernels : all_kernels()) {
        for (const std::size_t chunk :
             {std::size_t{1}, std::size_t{3}, std::size_t{8}, text.size()}) {
          INFO(kernels->name << ", " << threads << " threads, chunks of " << chunk);
          REQUIRE(hashes(transformer, text,
                         {.executor = executor.get(), .kernels = kernels, .chunk = chunk}) ==
                  expected);
        }
      }
    }
    REQUIRE(std::ranges::find(seen, expected) == seen.end());
    seen.push_back(expected);
  }
}

TEST_CASE("the caller's rounding mode and thread leave the answer as it is") {
  const Transformer transformer = must(load_from(must(model::quantize_gguf(small_model()))));
  const auto executor = make_thread_pool(2);
  const Machine machine{.executor = executor.get()};
  const auto expected = hashes(transformer, some_text(9), machine);
  std::fesetround(FE_UPWARD);
  const auto upward = hashes(transformer, some_text(9), machine);
  std::fesetround(FE_TONEAREST);
  REQUIRE(upward == expected);
}

TEST_CASE("kernels of vectors agree for every length, signed zeros included") {
  Noise noise(3);
  for (std::size_t length = 0; length < 70; ++length) {
    auto a = noise.many(length);
    auto b = noise.many(length);
    if (length > 0) a[length - 1] = -0.0F;
    // A product that underflows to -0 in a lane must stay -0 where later lanes are missing.
    if (length > 17) {
      std::ranges::fill(a, -0x1p-100F);
      std::ranges::fill(b, 0x1p-100F);
    }
    const float dot = scalar_kernels().dot(a.data(), b.data(), length);
    std::vector<float> sum = b;
    scalar_kernels().add_scaled(sum.data(), 0.3F, a.data(), length);
    for (const Kernels* kernels : all_kernels()) {
      INFO(kernels->name << ", length " << length);
      REQUIRE(std::bit_cast<std::uint32_t>(kernels->dot(a.data(), b.data(), length)) ==
              std::bit_cast<std::uint32_t>(dot));
      std::vector<float> other = b;
      kernels->add_scaled(other.data(), 0.3F, a.data(), length);
      REQUIRE(other == sum);
    }
  }
}

TEST_CASE("integer kernels hold the extremes of a byte") {
  // One run, all weights -128 or 127, all activations 127 or -127.
  std::vector<std::uint8_t> panel(q8_0_panel_run_bytes);
  for (std::size_t row = 0; row < panel_rows; ++row) panel[2 * row + 1] = 0x3c;  // scale 1.0
  for (const std::uint8_t weight : {std::uint8_t{0}, std::uint8_t{255}}) {
    std::fill(panel.begin() + 32, panel.end(), weight);
    for (const std::int8_t q : {std::int8_t{127}, std::int8_t{-127}}) {
      const std::vector<std::int8_t> values(32, q);
      const float scale = 1.0F;
      const std::int32_t sum = 32 * q;
      for (const Kernels* kernels : all_kernels()) {
        std::array<float, 16> out{};
        kernels->panel_q8_0(panel.data(), {values.data(), &scale, &sum, 1, 1}, {out.data(), 16});
        REQUIRE(out[0] == static_cast<float>(32 * q * (weight - 128)));
        REQUIRE(out[15] == out[0]);
      }
    }
  }
}

TEST_CASE("own functions are close to those of the C library") {
  for (float x = -86.0F; x < 88.0F; x += 0.37F)
    REQUIRE(exact::exp(x) == Approx(std::exp(static_cast<double>(x))).epsilon(3e-7));
  REQUIRE(exact::exp(-88.0F) == 0.0F);
  REQUIRE(std::isnan(exact::exp(std::nanf(""))));
  for (double angle = 0.0; angle < 1048576.0; angle = angle * 1.01 + 0.001) {
    const auto [sine, cosine] = exact::sine_cosine(angle);
    REQUIRE(std::fabs(static_cast<double>(sine) - std::sin(angle)) < 1e-7);
    REQUIRE(std::fabs(static_cast<double>(cosine) - std::cos(angle)) < 1e-7);
  }
  for (std::size_t pair = 0; pair < 64; ++pair)
    REQUIRE(exact::rope_frequency(500000.0, pair, 128) ==
            Approx(std::pow(500000.0, -2.0 * static_cast<double>(pair) / 128)).epsilon(1e-13));
  REQUIRE(exact::logarithm(10000.0) == Approx(std::log(10000.0)).epsilon(1e-15));
}

TEST_CASE("the profile's bits do not drift") {
  // Taken once; another value means another profile, which needs another name.
  const Transformer transformer = must(load_from(must(model::quantize_gguf(small_model()))));
  const auto executor = make_serial_executor();
  const auto chain = hashes(transformer, some_text(12), {.executor = executor.get()});
  CHECK(to_hex(chain.back()) == "486a03a2a618f30c0306f796196d245531484a2a9acbda2e2d68e4359fc91edc");
}

TEST_CASE("activations that are not finite poison their run") {
  std::array<float, exact::run> x{};
  std::array<std::int8_t, exact::run> q{};
  x[5] = std::numeric_limits<float>::infinity();
  REQUIRE(std::isnan(exact::quantise_run(x, q)));
  x[5] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(std::isnan(exact::quantise_run(x, q)));
  x[5] = 2.54F;
  REQUIRE(exact::quantise_run(x, q) > 0.0199F);
  REQUIRE(q[5] == 127);
}
