#include "libattest/model/convert.h"

#include <bit>
#include <cmath>
#include <set>

#include "libattest/base/text.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/hf_config.h"
#include "libattest/model/hf_tokenizer.h"

namespace attest::model {

namespace {

Result<std::string_view> text_of(const ModelFiles& files, const char* name) {
  const auto found = files.find(name);
  if (found != files.end()) return as_text(found->second);
  return fail(refused(rules::convert_files, "a file that a conversion needs is not there")
                  .expected(name)
                  .found(std::to_string(files.size()) + " other files"));
}

std::optional<std::string_view> text_if_there(const ModelFiles& files, const char* name) {
  const auto found = files.find(name);
  if (found == files.end()) return std::nullopt;
  return as_text(found->second);
}

std::uint32_t file_type_of(TensorType type) {
  return type == TensorType::f32 ? 0 : type == TensorType::f16 ? 1 : 32;
}

void write_shape(const HfConfig& config, TensorType type, GgufWriter& to) {
  const std::string prefix = std::string(config.architecture->name) + ".";
  const auto whole = [&](const char* key, std::uint64_t value) {
    to.add_u32(prefix + key, static_cast<std::uint32_t>(value));
  };
  const auto real = [&](const char* key, double value) {
    to.add_f32(prefix + key, static_cast<float>(value));
  };
  to.add_string("general.architecture", config.architecture->name);
  to.add_u32("general.file_type", file_type_of(type));
  whole("context_length", config.context);
  whole("embedding_length", config.embedding);
  whole("block_count", config.layers);
  whole("feed_forward_length", config.feed_forward);
  whole("attention.head_count", config.heads);
  whole("attention.head_count_kv", config.kv_heads);
  whole("attention.key_length", config.head_size);
  whole("attention.value_length", config.head_size);
  whole("rope.dimension_count", config.rope_dimensions);
  whole("vocab_size", config.vocabulary);
  real("attention.layer_norm_rms_epsilon", config.epsilon);
  real("rope.freq_base", config.rope_base);
  if (config.rope_divisor) {
    to.add_string(prefix + "rope.scaling.type", "linear");
    real("rope.scaling.factor", *config.rope_divisor);
  }
  if (config.window != 0) whole("attention.sliding_window", config.window);
  if (config.experts != 0) {
    whole("expert_count", config.experts);
    whole("expert_used_count", config.experts_used);
  }
  if (config.score_cap != 0) real("attn_logit_softcapping", config.score_cap);
  if (config.logit_cap != 0) real("final_logit_softcapping", config.logit_cap);
}

void write_tokenizer(const HfTokenizer& tokenizer, GgufWriter& to) {
  const std::string prefix = "tokenizer.ggml.";
  to.add_string(prefix + "model", tokenizer.kind);
  const bool pieces = tokenizer.kind == "llama";
  if (!pieces) to.add_string(prefix + "pre", tokenizer.words);
  to.add_strings(prefix + "tokens", tokenizer.tokens);
  if (pieces) to.add_f32s(prefix + "scores", tokenizer.scores);
  to.add_i32s(prefix + "token_type", tokenizer.types);
  if (!pieces) to.add_strings(prefix + "merges", tokenizer.merges);
  const auto id = [&](const char* key, std::optional<std::uint64_t> value) {
    if (value) to.add_u32(prefix + key, static_cast<std::uint32_t>(*value));
  };
  id("bos_token_id", tokenizer.begin);
  id("eos_token_id", tokenizer.end);
  id("unknown_token_id", tokenizer.unknown);
  id("padding_token_id", tokenizer.padding);
  const auto flag = [&](const char* key, std::optional<bool> value) {
    if (value) to.add_boolean(prefix + key, *value);
  };
  flag("add_bos_token", tokenizer.adds_begin);
  flag("add_eos_token", tokenizer.adds_end);
  flag("add_space_prefix", tokenizer.adds_space);
  if (!tokenizer.chat_template.empty())
    to.add_string("tokenizer.chat_template", tokenizer.chat_template);
}

// TensorWriter moves the weights of one model, each once.
class TensorWriter {
 public:
  TensorWriter(const HfConfig& config, const WeightMap& weights, GgufWriter& to)
      : config_(config), has_(*config.architecture), weights_(weights), to_(to) {}

  Status write() {
    TRY_VOID(stretched_positions());
    TRY_VOID(matrix("token_embd", "model.embed_tokens", config_.vocabulary, config_.embedding));
    for (std::uint64_t layer = 0; layer < config_.layers; ++layer) TRY_VOID(write_layer(layer));
    TRY_VOID(norm("output_norm", "model.norm", config_.embedding));
    if (config_.tied)
      used_.insert("lm_head.weight");
    else
      TRY_VOID(matrix("output", "lm_head", config_.vocabulary, config_.embedding));
    for (const auto& [name, weights] : weights_)
      if (!used_.contains(name) && !name.ends_with(".self_attn.rotary_emb.inv_freq"))
        return fail(refused(rules::convert_tensor, "a tensor has no place in this architecture")
                        .found(printable(name))
                        .expected("those of " + std::string(has_.class_name)));
    return {};
  }

 private:
  Status write_layer(std::uint64_t number) {
    const std::string from = "model.layers." + std::to_string(number) + ".";
    const std::string to = "blk." + std::to_string(number) + ".";
    const std::uint64_t width = config_.embedding;
    TRY_VOID(norm(to + "attn_norm", from + "input_layernorm", width));
    TRY_VOID(write_attention(from + "self_attn.", to));
    if (has_.norms_behind) {
      TRY_VOID(norm(to + "post_attention_norm", from + "post_attention_layernorm", width));
      TRY_VOID(norm(to + "ffn_norm", from + "pre_feedforward_layernorm", width));
      TRY_VOID(norm(to + "post_ffw_norm", from + "post_feedforward_layernorm", width));
    } else {
      TRY_VOID(norm(to + "ffn_norm", from + "post_attention_layernorm", width));
    }
    return has_.experts ? write_experts(from + "block_sparse_moe.", to)
                        : write_feed_forward(from + "mlp.", to);
  }

  Status write_attention(const std::string& from, const std::string& to) {
    const std::uint64_t width = config_.embedding;
    const std::uint64_t query = config_.heads * config_.head_size;
    const std::uint64_t key = config_.kv_heads * config_.head_size;
    if (has_.fused) {
      TRY_VOID(matrix(to + "attn_qkv", from + "qkv_proj", query + 2 * key, width));
    } else {
      const std::uint64_t turned = has_.turns_neighbours ? config_.head_size : 0;
      TRY_VOID(matrix(to + "attn_q", from + "q_proj", query, width, turned));
      if (has_.biases) TRY_VOID(vector(to + "attn_q.bias", from + "q_proj.bias", query, 0));
      TRY_VOID(matrix(to + "attn_k", from + "k_proj", key, width, turned));
      if (has_.biases) TRY_VOID(vector(to + "attn_k.bias", from + "k_proj.bias", key, 0));
      TRY_VOID(matrix(to + "attn_v", from + "v_proj", key, width));
      if (has_.biases) TRY_VOID(vector(to + "attn_v.bias", from + "v_proj.bias", key, 0));
    }
    if (has_.head_norms) {
      TRY_VOID(norm(to + "attn_q_norm", from + "q_norm", config_.head_size));
      TRY_VOID(norm(to + "attn_k_norm", from + "k_norm", config_.head_size));
    }
    return matrix(to + "attn_output", from + "o_proj", width, query);
  }

  Status write_feed_forward(const std::string& from, const std::string& to) {
    const std::uint64_t width = config_.embedding;
    const std::uint64_t inner = config_.feed_forward;
    if (has_.fused) {
      TRY_VOID(matrix(to + "ffn_up", from + "gate_up_proj", 2 * inner, width));
    } else {
      TRY_VOID(matrix(to + "ffn_gate", from + "gate_proj", inner, width));
      TRY_VOID(matrix(to + "ffn_up", from + "up_proj", inner, width));
    }
    return matrix(to + "ffn_down", from + "down_proj", width, inner);
  }

  Status write_experts(const std::string& from, const std::string& to) {
    const std::uint64_t width = config_.embedding;
    const std::uint64_t inner = config_.feed_forward;
    TRY_VOID(matrix(to + "ffn_gate_inp", from + "gate", config_.experts, width));
    TRY_VOID(stacked(to + "ffn_gate_exps", from, ".w1", inner, width));
    TRY_VOID(stacked(to + "ffn_up_exps", from, ".w3", inner, width));
    return stacked(to + "ffn_down_exps", from, ".w2", width, inner);
  }

  Result<const StoredWeights*> find(const std::string& name,
                                    const std::vector<std::uint64_t>& shape) {
    const auto found = weights_.find(name);
    const auto text = [](const std::vector<std::uint64_t>& sizes) {
      std::string all;
      for (const std::uint64_t size : sizes)
        all += (all.empty() ? "" : " x ") + std::to_string(size);
      return all;
    };
    if (found == weights_.end())
      return fail(refused(rules::convert_tensor, "a tensor is missing").expected(name));
    if (found->second.shape != shape)
      return fail(refused(rules::convert_tensor, "a tensor has another shape than config.json says")
                      .expected(text(shape))
                      .found(text(found->second.shape))
                      .within(printable(name)));
    used_.insert(name);
    return &found->second;
  }

  // matrix copies rows; those of heads of `turned` rows are reordered, where that is not 0.
  Status matrix(const std::string& to, const std::string& from, std::uint64_t rows,
                std::uint64_t columns, std::uint64_t turned = 0) {
    TRY(const StoredWeights* const found, find(from + ".weight", {rows, columns}));
    const std::size_t row = found->data.size() / rows;
    Bytes data;
    data.reserve(found->data.size());
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::uint64_t in_head = turned == 0 ? 0 : i % turned;
      const std::uint64_t source =
          turned == 0 ? i : i - in_head + in_head % 2 * (turned / 2) + in_head / 2;
      append(data, found->data.subspan(source * row, row));
    }
    to_.add_tensor(to + ".weight", {columns, rows}, found->type, std::move(data));
    return {};
  }

  Status stacked(const std::string& to, const std::string& from, const std::string& name,
                 std::uint64_t rows, std::uint64_t columns) {
    Bytes data;
    std::optional<TensorType> type;
    for (std::uint64_t expert = 0; expert < config_.experts; ++expert) {
      const std::string full = from + "experts." + std::to_string(expert) + name + ".weight";
      TRY(const StoredWeights* const found, find(full, {rows, columns}));
      if (type && *type != found->type)
        return fail(
            refused(rules::convert_tensor, "experts have different types").found(printable(full)));
      type = found->type;
      append(data, found->data);
    }
    to_.add_tensor(to + ".weight", {columns, rows, config_.experts}, *type, std::move(data));
    return {};
  }

  Status norm(const std::string& to, const std::string& from, std::uint64_t size) {
    return vector(to + ".weight", from + ".weight", size, has_.adds_one ? 1.0F : 0.0F);
  }

  Status vector(const std::string& to, const std::string& from, std::uint64_t size, float more) {
    TRY(const StoredWeights* const found, find(from, {size}));
    std::vector<float> values = floats_of(found->type, found->data);
    if (more != 0)
      for (float& value : values) value = value + more;
    to_.add_tensor_f32(to, {size}, values);
    return {};
  }

  Status stretched_positions() {
    if (!config_.llama3) return {};
    const Llama3Rope& rope = *config_.llama3;
    const std::uint64_t pairs = config_.rope_dimensions / 2;
    if (!std::has_single_bit(pairs))
      return fail(refused(rules::hf_config_unsupported, "llama3 positions in heads of this size")
                      .expected("a power of two")
                      .found(std::to_string(config_.rope_dimensions)));
    double step = config_.rope_base;
    for (std::uint64_t half = pairs; half > 1; half /= 2) step = std::sqrt(step);
    std::vector<float> divisors;
    double period = 1;
    for (std::uint64_t pair = 0; pair < pairs; ++pair) {
      const double wave = 6.283185307179586 * period;
      divisors.push_back(static_cast<float>(stretched(rope, wave)));
      period = period * step;
    }
    to_.add_tensor_f32("rope_freqs.weight", {pairs}, divisors);
    return {};
  }

  static double stretched(const Llama3Rope& rope, double wave) {
    if (wave < rope.original_context / rope.high_frequency_factor) return 1;
    if (wave > rope.original_context / rope.low_frequency_factor) return rope.factor;
    const double smooth = (rope.original_context / wave - rope.low_frequency_factor) /
                          (rope.high_frequency_factor - rope.low_frequency_factor);
    return 1 / ((1 - smooth) / rope.factor + smooth);
  }

  const HfConfig& config_;
  const HfArchitecture& has_;
  const WeightMap& weights_;
  GgufWriter& to_;
  std::set<std::string> used_;
};

}  // namespace

Result<Bytes> convert_to_gguf(const ModelFiles& files) {
  TRY(const std::string_view config_text, text_of(files, "config.json"));
  TRY_WITHIN("config.json", const HfConfig config, parse_hf_config(config_text));
  TRY(const WeightMap weights, read_weights(files));
  const auto embedding = weights.find("model.embed_tokens.weight");
  // The vocabulary is as long as the embedding, which is there.
  if (embedding == weights.end() ||
      !embedding->second.is_matrix(config.vocabulary, config.embedding))
    return fail(
        refused(rules::convert_tensor, "there is no embedding of the size that is said")
            .expected(std::to_string(config.vocabulary) + " x " + std::to_string(config.embedding))
            .within("model.embed_tokens.weight"));
  TRY(const std::string_view tokenizer_text, text_of(files, "tokenizer.json"));
  TRY(const HfTokenizer tokenizer,
      parse_hf_tokenizer(
          {tokenizer_text, config_text, text_if_there(files, "tokenizer_config.json"),
           text_if_there(files, "chat_template.jinja")},
          config.vocabulary));
  GgufWriter writer;
  write_shape(config, embedding->second.type, writer);
  write_tokenizer(tokenizer, writer);
  TRY_VOID(TensorWriter(config, weights, writer).write());
  return writer.finish();
}

}  // namespace attest::model
