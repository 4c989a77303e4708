#include <array>
#include <cfenv>
#include <cmath>

#include "inference/answer/generate.h"
#include "inference/kernels/exact.h"
#include "inference/kernels/kernels.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> kernels{&scalar_kernels()};
  for (const Kernels* each : {avx2_kernels(), avx512_kernels(), avx512_vnni_kernels()}) {
    if (each) kernels.push_back(each);
  }
  if (kernels.size() < 4) WARN("this processor has not all instruction sets");
  return kernels;
}

std::vector<Token> some_text(std::size_t length) {
  std::vector<Token> text{1};
  for (std::size_t i = 1; i < length; ++i) text.push_back(static_cast<Token>((i * 37) % 260));
  return text;
}

std::vector<Sha256> hashes(const Transformer& transformer, const std::vector<Token>& text,
                           const Machine& machine,
                           exact::Profile profile = exact::Profile::exact_1) {
  auto sequence = must(Sequence::begin(transformer, text.size(), profile));
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
  std::vector<Bytes> files{must(model::quantize_gguf(small_model())),
                           must(model::quantize_gguf(small_model({.own_output = false})))};
  for (const model::TensorType type : all_weight_types)
    files.push_back(small_model({.embedding = 256, .feed_forward = 512, .type = type}));
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
          // The plain kernels need no second proof of what does not depend on kernels.
          if (kernels == &scalar_kernels() && (threads > 1 || chunk == 3)) continue;
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

TEST_CASE("keys and values in bytes have one answer too, and another than floats") {
  const auto text = some_text(40);
  const auto kv8 = exact::Profile::exact_1_kv8;
  // Heads of one run and of two, alone and sharing keys, more of them than a tile holds.
  for (const SmallShape& shape :
       {SmallShape{.embedding = 128, .type = model::TensorType::q8_0},
        SmallShape{.embedding = 512, .heads = 8, .kv_heads = 1, .rope = 64}}) {
    const Transformer transformer = must(load_from(small_model(shape)));
    const auto serial = make_serial_executor();
    const Machine plain{
        .executor = serial.get(), .kernels = &scalar_kernels(), .chunk = text.size()};
    const auto expected = hashes(transformer, text, plain, kv8);
    REQUIRE(expected != hashes(transformer, text, plain));
    const auto executor = make_thread_pool(2);
    for (const Kernels* kernels : all_kernels())
      for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, text.size()}) {
        INFO(kernels->name << ", chunks of " << chunk);
        REQUIRE(hashes(transformer, text,
                       {.executor = executor.get(), .kernels = kernels, .chunk = chunk},
                       kv8) == expected);
      }
  }
}

TEST_CASE("keys and values in bytes take a quarter of the memory, where heads are whole runs") {
  const Transformer transformer = must(load_from(small_model({.embedding = 128})));
  const ModelShape& shape = transformer.shape();
  REQUIRE(KeyValueCache(shape, 64, exact::Profile::exact_1_kv8).bytes(64) * 7 <
          KeyValueCache(shape, 64, exact::Profile::exact_1).bytes(64) * 2);
  const Transformer narrow = must(load_from(small_model()));
  REQUIRE_RULE(Sequence::begin(narrow, 8, exact::Profile::exact_1_kv8), rules::sequence_profile);
}

TEST_CASE("an answer is the same with and without what was read before") {
  const Transformer transformer = must(load_from(small_model({.embedding = 128})));
  const Transformer other = must(load_from(small_model({.embedding = 128, .poison = 2.0F})));
  const auto executor = make_thread_pool(2);
  const Machine machine{.executor = executor.get(), .chunk = 5};
  PrefixCache prefixes(1U << 20);
  // A prompt, the same again, one that goes on behind the answer, one that parts from it within.
  auto longer = some_text(33);
  auto parted = some_text(33);
  parted[19] = 77;
  for (const exact::Profile profile : {exact::Profile::exact_1, exact::Profile::exact_1_kv8})
    for (const Transformer* model : {&transformer, &other})
      for (const auto& prompt : {some_text(21), some_text(21), longer, parted}) {
        GenerateRequest request{.prompt = prompt,
                                .sampler = {.temperature = 0.8F, .seed = 5},
                                .max_tokens = 9,
                                .end_tokens = {},
                                .profile = profile};
        const Answer anew = must(generate(*model, request, machine));
        request.prefixes = &prefixes;
        const Answer resumed = must(generate(*model, request, machine));
        REQUIRE(resumed.tokens == anew.tokens);
        REQUIRE(resumed.logits == anew.logits);
      }
}

TEST_CASE("what was read before is found by its tokens, model and profile, and not kept for ever") {
  const Transformer transformer = must(load_from(small_model({.embedding = 128})));
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  const auto read = [&](PrefixCache& prefixes, const std::vector<Token>& text) {
    auto sequence = must(Sequence::begin(transformer, text.size()));
    LogitsChain chain;
    must(sequence.append(text, machine, [&](std::size_t, auto logits) {
      chain.add(logits);
      return Status();
    }));
    prefixes.keep(std::move(sequence), text, chain.hashes());
  };
  const auto known = [&](PrefixCache& prefixes, std::vector<Token> text,
                         exact::Profile profile = exact::Profile::exact_1) {
    const auto begun = must(prefixes.begin(transformer, text, 64, profile));
    REQUIRE(begun.hashes.size() == begun.sequence.length());
    return begun.sequence.length();
  };
  PrefixCache prefixes(4U << 20);
  read(prefixes, some_text(30));
  REQUIRE(known(prefixes, some_text(40)) == 30);
  REQUIRE(known(prefixes, some_text(12)) == 11);  // the last token's logits are wanted
  REQUIRE(known(prefixes, {1, 2, 3}) == 1);
  REQUIRE(known(prefixes, {9, 2, 3}) == 0);
  REQUIRE(known(prefixes, some_text(40), exact::Profile::exact_1_kv8) == 0);
  const auto of_another = must(prefixes.begin(transformer, some_text(40), 64,
                                              exact::Profile::exact_1, sha256(as_bytes("other"))));
  REQUIRE(of_another.sequence.length() == 0);
  // Room for one text only: the one used last stays.
  const std::size_t one = KeyValueCache(transformer.shape(), 30, exact::Profile::exact_1).bytes(30);
  PrefixCache small(one * 3 / 2);
  read(small, some_text(30));
  std::vector<Token> second = some_text(30);
  second[0] = 9;
  read(small, second);
  REQUIRE(known(small, some_text(30)) == 0);
  REQUIRE(known(small, second) == 29);
  PrefixCache none(10);
  read(none, second);
  REQUIRE(known(none, second) == 0);
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

TEST_CASE("several texts in one pass get the logits that each gets alone") {
  const Transformer transformer = must(load_from(must(model::quantize_gguf(small_model()))));
  const auto executor = make_thread_pool(2);
  const Machine machine{.executor = executor.get()};
  std::vector<std::vector<Token>> texts;
  std::vector<std::vector<Sha256>> alone;
  for (const std::size_t length : {9U, 1U, 17U, 4U}) {
    texts.push_back(some_text(length));
    texts.back().back() = static_cast<Token>(length);
    alone.push_back(hashes(transformer, texts.back(), machine));
  }
  // Two passes: all but the last token of each, then the last of all together.
  std::vector<Sequence> sequences;
  std::vector<LogitsChain> chains(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    sequences.push_back(must(Sequence::begin(transformer, 20)));
  for (const bool last : {false, true}) {
    std::vector<Continuation> continuations;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::span<const Token> text = texts[i];
      continuations.push_back({&sequences[i], last ? text.last(1) : text.first(text.size() - 1),
                               [&chains, i](std::size_t, std::span<const float> logits) {
                                 chains[i].add(logits);
                                 return Status();
                               }});
    }
    append_together(continuations, machine);
    for (const Continuation& each : continuations) REQUIRE_OK(each.outcome);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) REQUIRE(chains[i].hashes() == alone[i]);
}

TEST_CASE("a text that fails in a pass leaves the others as they are") {
  const Transformer transformer = must(load_from(small_model()));
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  auto good = must(Sequence::begin(transformer, 4));
  auto unknown = must(Sequence::begin(transformer, 4));
  auto stops = must(Sequence::begin(transformer, 4));
  LogitsChain chain;
  const std::vector<Token> text{1, 5, 9};
  const std::vector<Token> wrong{1, small_vocabulary_size};
  const auto fails = [](std::size_t, std::span<const float>) -> Status {
    return fail(refused(rules::logits_not_finite, "enough"));
  };
  std::vector<Continuation> continuations{
      {&unknown, wrong, fails}, {&stops, text, fails}, {&good, text, [&](std::size_t, auto logits) {
                                                          chain.add(logits);
                                                          return Status();
                                                        }}};
  append_together(continuations, machine);
  REQUIRE_RULE(continuations[0].outcome, rules::token_unknown);
  REQUIRE_RULE(continuations[1].outcome, rules::logits_not_finite);
  REQUIRE_OK(continuations[2].outcome);
  REQUIRE(chain.hashes() == hashes(transformer, text, machine));
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
  const std::vector<std::pair<model::TensorType, std::string>> taken{
      {model::TensorType::f32, "df3a5f07d15bfad318e1ea8a0bcfa6fa6acafacae2cbeb121794b1c4ded2832d"},
      {model::TensorType::f16, "ae14d8d87ff018663f2ee3385c3a699378f11350dd11dbb951275ad82005d7e3"},
      {model::TensorType::bf16, "5c91eda20a4e958d2278acab0d6375a29390d46540f89c164950a6bb45034623"},
      {model::TensorType::q8_0, "fd4aa525542801ff8800dc747a719918b5ebc205f63de467f971d3aca6568b2a"},
      {model::TensorType::q4_0, "c62a2828211200d1f43ad16f3a8dcafff0146eca41230dd9d432999d68971c54"},
      {model::TensorType::q4_k, "46802abf0356ba681ace353fca821382cd8cdea7d42f65b0b2aefb418abad8bf"},
      {model::TensorType::q4_1, "6e0c2022aafb066c67f14b8398c797866679740231f303af9a4a60a4a89b482a"},
      {model::TensorType::q5_0, "79046089cc2089362e8c2eb502fd939b1ee35133bfb337d770563b60f6f62791"},
      {model::TensorType::q5_1, "c19a9aec895aa2609f0ecb6ddafc5b870eb0a9f8e87e01dabc4f713f0e171065"},
      {model::TensorType::mxfp4,
       "ad1f0effee72db55a195da4217669dfa91f21ac6af2383523259ce3d217bd142"},
      {model::TensorType::q5_k, "d40cb1ac9ea41a2af3bf6cf09a88445a58abe8bb2d2264a9674d51195f494a40"},
      {model::TensorType::q6_k,
       "be2b51c008c601f839607393bfe95bc2626681516fa6edc6147057302931bffc"}};
  const auto executor = make_serial_executor();
  const Transformer of_bytes = must(load_from(small_model({.embedding = 128})));
  CHECK(to_hex(hashes(of_bytes, some_text(12), {.executor = executor.get()},
                      exact::Profile::exact_1_kv8)
                   .back()) == "e92273ac89085e7b7cac411ba6e6071ba3a926f5a893753653b4b0070241e821");
  for (const auto& [type, hash] : taken) {
    const Transformer transformer =
        must(load_from(small_model({.embedding = 256, .feed_forward = 256, .type = type})));
    const auto chain = hashes(transformer, some_text(12), {.executor = executor.get()});
    INFO(model::to_string(type));
    CHECK(to_hex(chain.back()) == hash);
  }
}
