#include "inference/model/transformer.h"

#include "inference/answer/generate.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

Result<ModelShape> shape_with(const std::function<void(model::GgufWriter&)>& change,
                              std::string_view without = {}) {
  model::GgufWriter writer;
  const auto add = [&](std::string_view key, std::uint32_t value) {
    if (key != without) writer.add_u32(key, value);
  };
  if (without != "general.architecture") writer.add_string("general.architecture", "llama");
  add("llama.context_length", 64);
  add("llama.embedding_length", 64);
  add("llama.block_count", 1);
  add("llama.feed_forward_length", 64);
  add("llama.attention.head_count", 4);
  if (without != "llama.attention.layer_norm_rms_epsilon")
    writer.add_f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  add_small_vocabulary(writer);
  change(writer);
  return read_model_shape(must(model::parse_gguf(must(writer.finish()))));
}

void nothing(model::GgufWriter&) {}

}  // namespace

TEST_CASE("a shape that makes no sense is refused") {
  REQUIRE_OK(shape_with(nothing));
  const auto with = [](std::string_view key, std::uint32_t value) {
    return shape_with([=](model::GgufWriter& writer) { writer.add_u32(key, value); }, key);
  };
  REQUIRE_RULE(with("llama.context_length", 0), rules::shape_number);
  REQUIRE_RULE(with("llama.context_length", (1U << 20) + 1), rules::shape_number);
  REQUIRE_RULE(with("llama.block_count", 100000), rules::shape_number);
  REQUIRE_RULE(with("llama.attention.head_count", 0), rules::shape_number);
  REQUIRE_RULE(with("llama.attention.head_count", 5), rules::shape_number);
  REQUIRE_RULE(with("llama.attention.head_count_kv", 3), rules::shape_number);
  REQUIRE_RULE(with("llama.attention.head_count_kv", 8), rules::shape_number);
  REQUIRE_RULE(with("llama.rope.dimension_count", 18), rules::shape_number);
  REQUIRE_RULE(with("llama.rope.dimension_count", 3), rules::shape_number);
  REQUIRE_RULE(with("llama.vocab_size", 10), rules::shape_number);
  REQUIRE_RULE(with("llama.expert_count", 8), rules::gguf_key_missing);
  REQUIRE_RULE(with("llama.expert_count", 1025), rules::shape_number);
  REQUIRE_RULE(shape_with([](auto& writer) {
                 writer.add_u32("llama.expert_count", 8);
                 writer.add_u32("llama.expert_used_count", 9);
               }),
               rules::shape_number);
  REQUIRE_RULE(
      shape_with([](auto& writer) { writer.add_f32("llama.attn_logit_softcapping", 5.0F); }),
      rules::shape_unsupported);
  REQUIRE_RULE(shape_with([](auto& writer) {
                 writer.add_string("llama.rope.scaling.type", "linear");
                 writer.add_f32("llama.rope.scaling.factor", 0.5F);
               }),
               rules::shape_number);
  REQUIRE(must(with("llama.attention.sliding_window", 8)).slides(0));
  REQUIRE_FALSE(must(with("llama.attention.sliding_window", 64)).slides(0));
  REQUIRE_RULE(
      shape_with([](auto& writer) { writer.add_string("llama.rope.scaling.type", "yarn"); }),
      rules::shape_unsupported);
  REQUIRE_RULE(shape_with([](auto& writer) { writer.add_string("general.architecture", "gemma"); },
                          "general.architecture"),
               rules::shape_architecture);
  REQUIRE_RULE(
      shape_with(
          [](auto& writer) { writer.add_f32("llama.attention.layer_norm_rms_epsilon", 0.0F); },
          "llama.attention.layer_norm_rms_epsilon"),
      rules::shape_number);
}

TEST_CASE("a model has exactly the tensors its architecture uses, in their dimensions") {
  REQUIRE_OK(load_from(small_model()));
  REQUIRE_RULE(load_from(small_model({.without = "blk.1.ffn_up.weight"})),
               rules::transformer_tensor);
  REQUIRE_RULE(load_from(small_model({.besides = "blk.0.attn_q.bias"})),
               rules::transformer_unknown_tensor);
  REQUIRE_RULE(load_from(small_model({.besides = "rope_freqs.weight"})), rules::transformer_tensor);
  REQUIRE_RULE(load_from(small_model({.poison = std::numeric_limits<float>::infinity()})),
               rules::matrix_not_finite);
}

TEST_CASE("weights of a type without kernels are refused") {
  const model::GgufTensor tensor{"t", {32, 1}, model::TensorType::q8_1, 0, 36};
  REQUIRE_RULE(Matrix::pack(tensor, Bytes(36)), rules::matrix_type);
}

TEST_CASE("positions, tokens and prompts beyond the model are refused") {
  const Transformer transformer = must(load_from(small_model()));
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  const auto ignore = [](std::size_t, std::span<const float>) { return Status(); };
  REQUIRE_RULE(Sequence::begin(transformer, 97), rules::sequence_too_long);
  auto sequence = must(Sequence::begin(transformer, 4));
  REQUIRE_RULE(sequence.append(std::vector<Token>(5, 1), machine, ignore),
               rules::sequence_too_long);
  REQUIRE_RULE(sequence.append(std::vector<Token>{small_vocabulary_size}, machine, ignore),
               rules::token_unknown);
  REQUIRE_RULE(generate(transformer,
                        {.prompt = {}, .sampler = {}, .max_tokens = 1, .end_tokens = {}}, machine),
               rules::generate_prompt);
  REQUIRE_RULE(
      generate(
          transformer,
          {.prompt = std::vector<Token>(96, 1), .sampler = {}, .max_tokens = 1, .end_tokens = {}},
          machine),
      rules::generate_prompt);
}

TEST_CASE("logits that are not finite end the pass") {
  const Transformer transformer = must(load_from(small_model({.poison = 3e38F})));
  const auto executor = make_serial_executor();
  REQUIRE_RULE(
      generate(transformer, {.prompt = {1, 5}, .sampler = {}, .max_tokens = 2, .end_tokens = {}},
               {.executor = executor.get()}),
      rules::logits_not_finite);
}

TEST_CASE("an answer ends at an end token, at its length, at the context or when told") {
  const Transformer transformer = must(load_from(small_model()));
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  GenerateRequest request{.prompt = {1, 40, 41}, .sampler = {}, .max_tokens = 5, .end_tokens = {}};
  const Answer whole = must(generate(transformer, request, machine));
  REQUIRE(whole.tokens.size() == 5);
  REQUIRE(whole.stopped == "length");
  REQUIRE(whole.logits.size() == 7);
  const Answer told = must(generate(transformer, request, machine, [](Token) { return false; }));
  REQUIRE(told.stopped == "stop");
  REQUIRE(told.tokens.size() == 1);
  request.end_tokens = {whole.tokens[0]};
  const Answer ended = must(generate(transformer, request, machine));
  REQUIRE(ended.stopped == "eos");
  REQUIRE(ended.tokens.size() == 1);
  request.end_tokens = {};
  request.max_tokens = 1000;
  REQUIRE(must(generate(transformer, request, machine)).tokens.size() == 93);
}
