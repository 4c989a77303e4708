#include "inference/model/model_shape.h"

#include <cmath>

#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Error wrong_number(std::string_view key, std::string expected, std::string found) {
  return refused(rules::shape_number, std::string(key) + " makes no sense")
      .expected(std::move(expected))
      .found(std::move(found));
}

Error unsupported(std::string what) {
  return refused(rules::shape_unsupported, std::move(what) + " is not supported by this runtime");
}

// Keys of the architecture, each with its name in front.
class ShapeReader {
 public:
  ShapeReader(const model::Gguf& gguf, const Architecture& architecture)
      : gguf_(gguf), prefix_(std::string(architecture.name) + ".") {
    shape_.architecture = &architecture;
  }

  Result<ModelShape> read() {
    // The angle of the last position must stay where exact::sine_cosine is specified: below 2^20.
    TRY(shape_.context, in_range("context_length", 1U << 20));
    TRY(shape_.embedding, in_range("embedding_length", 1U << 17));
    TRY(shape_.layers, in_range("block_count", 1024));
    TRY(shape_.feed_forward, in_range("feed_forward_length", 1U << 20));
    TRY_VOID(read_heads());
    TRY_VOID(read_rope());
    TRY_VOID(read_window());
    TRY_VOID(read_experts());
    TRY_VOID(read_caps());
    TRY_VOID(read_vocabulary());
    shape_.embedding_scale = shape_.architecture->scaled_embedding
                                 ? std::sqrt(static_cast<float>(shape_.embedding))
                                 : 1.0F;
    return shape_;
  }

 private:
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

  Result<std::size_t> in_range(std::string_view name, std::uint64_t most) const {
    TRY(const std::uint64_t value, gguf_.unsigned_integer(key(name)));
    if (value < 1 || value > most)
      return fail(wrong_number(key(name), "1 to " + std::to_string(most), std::to_string(value)));
    return static_cast<std::size_t>(value);
  }

  Status read_heads() {
    TRY(shape_.heads, in_range("attention.head_count", 4096));
    TRY(const std::uint64_t kv_heads,
        gguf_.unsigned_or(key("attention.head_count_kv"), shape_.heads));
    if (kv_heads < 1 || kv_heads > shape_.heads || shape_.heads % kv_heads != 0)
      return fail(wrong_number(key("attention.head_count_kv"), "a divisor of the head count",
                               std::to_string(kv_heads)));
    shape_.kv_heads = kv_heads;
    TRY(const std::uint64_t size,
        gguf_.unsigned_or(key("attention.key_length"), shape_.embedding / shape_.heads));
    TRY(const std::uint64_t value, gguf_.unsigned_or(key("attention.value_length"), size));
    if (size != value) return fail(unsupported("a value length other than the key length"));
    const bool given = gguf_.find(key("attention.key_length")) != nullptr;
    if (size < 1 || size > 4096 || (!given && shape_.embedding % shape_.heads != 0))
      return fail(wrong_number(key("attention.head_count"), "a divisor of the embedding length",
                               std::to_string(shape_.heads)));
    shape_.head_size = size;
    TRY(const double epsilon, gguf_.number(key("attention.layer_norm_rms_epsilon")));
    if (!(epsilon > 0 && epsilon < 1))
      return fail(wrong_number(key("attention.layer_norm_rms_epsilon"), "above 0, below 1",
                               std::to_string(epsilon)));
    shape_.epsilon = static_cast<float>(epsilon);
    const bool by_width = shape_.layers == shape_.architecture->layers_scaled_by_width;
    const std::size_t scaled_by = by_width ? shape_.embedding / shape_.heads : shape_.head_size;
    shape_.score_scale = 1.0F / std::sqrt(static_cast<float>(scaled_by));
    return {};
  }

  Status read_rope() {
    TRY(const std::uint64_t dimensions,
        gguf_.unsigned_or(key("rope.dimension_count"), shape_.head_size));
    if (dimensions < 2 || dimensions % 2 != 0 || dimensions > shape_.head_size)
      return fail(wrong_number(key("rope.dimension_count"), "even, 2 to the head's size",
                               std::to_string(dimensions)));
    shape_.rope_dimensions = dimensions;
    TRY(shape_.rope_base, gguf_.number_or(key("rope.freq_base"), 10000.0));
    if (!(shape_.rope_base > 1 && shape_.rope_base < 1e12))
      return fail(wrong_number(key("rope.freq_base"), "above 1, below 10^12",
                               std::to_string(shape_.rope_base)));
    const double sliding = shape_.architecture->sliding_rope_base;
    shape_.sliding_rope_base = sliding != 0 ? sliding : shape_.rope_base;
    TRY(const std::string scaling, gguf_.text_or(key("rope.scaling.type"), "none"));
    shape_.rope_divisor = 1;
    if (scaling == "none") return {};
    if (scaling != "linear")
      return fail(unsupported("rope scaling \"" + printable(scaling) + "\""));
    TRY(shape_.rope_divisor, gguf_.number(key("rope.scaling.factor")));
    if (!(shape_.rope_divisor >= 1 && shape_.rope_divisor <= 4096))
      return fail(wrong_number(key("rope.scaling.factor"), "1 to 4096",
                               std::to_string(shape_.rope_divisor)));
    return {};
  }

  // A window of the whole context is none.
  Status read_window() {
    TRY(const std::uint64_t window, gguf_.unsigned_or(key("attention.sliding_window"), 0));
    shape_.window = window < shape_.context ? window : 0;
    if (window == 0 && shape_.architecture->global_every != 0)
      return fail(wrong_number(key("attention.sliding_window"), "above 0", "0"));
    // Without a window every layer is one that sees everything: its base would be wrong.
    if (shape_.window == 0 && shape_.architecture->sliding_rope_base != 0)
      shape_.window = shape_.context;
    return {};
  }

  Status read_experts() {
    TRY(const std::uint64_t experts, gguf_.unsigned_or(key("expert_count"), 0));
    shape_.experts = 1;
    shape_.experts_used = 1;
    if (experts == 0) return {};
    if (!shape_.architecture->experts) return fail(unsupported("a mixture of experts"));
    TRY(shape_.experts, in_range("expert_count", 1024));
    TRY(shape_.experts_used, in_range("expert_used_count", shape_.experts));
    return {};
  }

  Status read_caps() {
    TRY(const double scores, gguf_.number_or(key("attn_logit_softcapping"), 0.0));
    TRY(const double logits, gguf_.number_or(key("final_logit_softcapping"), 0.0));
    for (const double cap : {scores, logits}) {
      if (!(cap >= 0 && cap < 1e6))
        return fail(wrong_number(key("attn_logit_softcapping"), "0 to 10^6", std::to_string(cap)));
      if (cap != 0 && !shape_.architecture->softcaps) return fail(unsupported("a soft cap"));
    }
    shape_.score_cap = static_cast<float>(scores);
    shape_.logit_cap = static_cast<float>(logits);
    return {};
  }

  Status read_vocabulary() {
    TRY(const auto* tokens, gguf_.array("tokenizer.ggml.tokens", model::GgufType::string));
    shape_.vocabulary = tokens->size();
    TRY(const std::uint64_t vocabulary, gguf_.unsigned_or(key("vocab_size"), shape_.vocabulary));
    if (vocabulary != shape_.vocabulary || shape_.vocabulary == 0)
      return fail(wrong_number(key("vocab_size"), std::to_string(shape_.vocabulary) + " tokens",
                               std::to_string(vocabulary)));
    return {};
  }

  const model::Gguf& gguf_;
  const std::string prefix_;
  ModelShape shape_{};
};

}  // namespace

Result<ModelShape> read_model_shape(const model::Gguf& gguf) {
  TRY(const std::string name, gguf.text("general.architecture"));
  const Architecture* const architecture = find_architecture(name);
  if (!architecture)
    return fail(refused(rules::shape_architecture, "unknown architecture")
                    .expected("one of " + std::string(architecture_names()))
                    .found(printable(name)));
  return ShapeReader(gguf, *architecture).read();
}

Result<const model::GgufTensor*> tensor_of_size(const model::Gguf& gguf, const std::string& name,
                                                std::size_t columns, std::size_t rows) {
  const model::GgufTensor* found = gguf.find_tensor(name);
  if (!found) return fail(refused(rules::transformer_tensor, "tensor " + name + " is missing"));
  if (found->columns() != columns || found->rows() != rows)
    return fail(
        refused(rules::transformer_tensor, "tensor " + name + " has wrong dimensions")
            .expected(std::to_string(columns) + " x " + std::to_string(rows))
            .found(std::to_string(found->columns()) + " x " + std::to_string(found->rows())));
  return found;
}

}  // namespace attest::inference
