#include "inference/model_shape.h"

#include <cmath>

#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Error wrong_number(std::string_view key, std::string expected, std::string found) {
  return refused(rules::shape_number, std::string(key) + " makes no sense")
      .expected(std::move(expected))
      .found(std::move(found));
}

Result<std::size_t> in_range(const model::Gguf& gguf, std::string_view key, std::uint64_t most) {
  TRY(const std::uint64_t value, gguf.unsigned_integer(key));
  if (value < 1 || value > most)
    return fail(wrong_number(key, "1 to " + std::to_string(most), std::to_string(value)));
  return static_cast<std::size_t>(value);
}

Error unsupported(std::string what) {
  return refused(rules::shape_unsupported, std::move(what) + " is not supported by this runtime");
}

Status check_features(const model::Gguf& gguf) {
  TRY(const std::string scaling, gguf.text_or("llama.rope.scaling.type", "none"));
  if (scaling != "none") return fail(unsupported("rope scaling \"" + printable(scaling) + "\""));
  TRY(const std::uint64_t experts, gguf.unsigned_or("llama.expert_count", 0));
  if (experts != 0) return fail(unsupported("a mixture of experts"));
  TRY(const std::uint64_t window, gguf.unsigned_or("llama.attention.sliding_window", 0));
  if (window != 0) return fail(unsupported("a sliding window"));
  return {};
}

Result<std::size_t> head_size(const model::Gguf& gguf, const ModelShape& shape) {
  TRY(const std::uint64_t key,
      gguf.unsigned_or("llama.attention.key_length", shape.embedding / shape.heads));
  TRY(const std::uint64_t value, gguf.unsigned_or("llama.attention.value_length", key));
  if (key != value) return fail(unsupported("a value length other than the key length"));
  const bool given = gguf.find("llama.attention.key_length") != nullptr;
  if (key < 1 || key > 4096 || (!given && shape.embedding % shape.heads != 0))
    return fail(wrong_number("llama.attention.head_count", "a divisor of the embedding length",
                             std::to_string(shape.heads)));
  return static_cast<std::size_t>(key);
}

}  // namespace

Result<ModelShape> read_model_shape(const model::Gguf& gguf) {
  TRY(const std::string architecture, gguf.text("general.architecture"));
  if (architecture != "llama")
    return fail(refused(rules::shape_architecture, "unknown architecture")
                    .expected("llama")
                    .found(printable(architecture)));
  TRY_VOID(check_features(gguf));
  ModelShape shape{};
  // The angle of the last position must stay where exact::sine_cosine is specified: below 2^20.
  TRY(shape.context, in_range(gguf, "llama.context_length", 1U << 20));
  TRY(shape.embedding, in_range(gguf, "llama.embedding_length", 1U << 17));
  TRY(shape.layers, in_range(gguf, "llama.block_count", 1024));
  TRY(shape.feed_forward, in_range(gguf, "llama.feed_forward_length", 1U << 20));
  TRY(shape.heads, in_range(gguf, "llama.attention.head_count", 4096));
  TRY(const std::uint64_t kv_heads, gguf.unsigned_or("llama.attention.head_count_kv", shape.heads));
  if (kv_heads < 1 || kv_heads > shape.heads || shape.heads % kv_heads != 0)
    return fail(wrong_number("llama.attention.head_count_kv", "a divisor of the head count",
                             std::to_string(kv_heads)));
  shape.kv_heads = kv_heads;
  TRY(shape.head_size, head_size(gguf, shape));
  TRY(const std::uint64_t rope, gguf.unsigned_or("llama.rope.dimension_count", shape.head_size));
  if (rope < 2 || rope % 2 != 0 || rope > shape.head_size)
    return fail(wrong_number("llama.rope.dimension_count", "even, 2 to the head's size",
                             std::to_string(rope)));
  shape.rope_dimensions = rope;
  TRY(const double epsilon, gguf.number("llama.attention.layer_norm_rms_epsilon"));
  if (!(epsilon > 0 && epsilon < 1))
    return fail(wrong_number("llama.attention.layer_norm_rms_epsilon", "above 0, below 1",
                             std::to_string(epsilon)));
  shape.epsilon = static_cast<float>(epsilon);
  TRY(shape.rope_base, gguf.number_or("llama.rope.freq_base", 10000.0));
  if (!(shape.rope_base > 1 && shape.rope_base < 1e12))
    return fail(wrong_number("llama.rope.freq_base", "above 1, below 10^12",
                             std::to_string(shape.rope_base)));
  TRY(const auto* tokens, gguf.array("tokenizer.ggml.tokens", model::GgufType::string));
  shape.vocabulary = tokens->size();
  TRY(const std::uint64_t vocabulary, gguf.unsigned_or("llama.vocab_size", shape.vocabulary));
  if (vocabulary != shape.vocabulary || shape.vocabulary == 0)
    return fail(wrong_number("llama.vocab_size", std::to_string(shape.vocabulary) + " tokens",
                             std::to_string(vocabulary)));
  return shape;
}

}  // namespace attest::inference
