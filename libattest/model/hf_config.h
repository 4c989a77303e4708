// config.json of a model as Hugging Face's transformers write it: what of it a conversion to GGUF
// needs. Members that are not named here say nothing about the weights and are passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "libattest/base/result.h"

namespace attest::model {

// HfArchitecture says how the weights of one class of models are named and written.
struct HfArchitecture {
  std::string_view class_name;    // in "architectures"
  std::string_view name;          // GGUF's
  bool turns_neighbours = false;  // rows of queries and keys are reordered
  bool adds_one = false;          // norms are stored less one, and added one to
  bool biases = false;            // of queries, keys and values
  bool head_norms = false;
  bool norms_behind = false;
  bool fused = false;  // queries, keys and values in one matrix; gate and up in another
  bool experts = false;
  bool windows = false;  // sliding_window is heeded
  bool softcaps = false;
  bool tied_unless_said = false;      // the logits come from the embedding
  std::uint64_t layers_by_width = 0;  // a model of so many layers scales scores by its width
};

// Llama3Rope stretches slow rotations of positions: rope_type "llama3".
struct Llama3Rope {
  double factor;
  double low_frequency_factor;
  double high_frequency_factor;
  double original_context;
};

struct HfConfig {
  const HfArchitecture* architecture = nullptr;
  std::uint64_t context = 0;
  std::uint64_t embedding = 0;
  std::uint64_t layers = 0;
  std::uint64_t feed_forward = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_size = 0;
  std::uint64_t rope_dimensions = 0;
  std::uint64_t vocabulary = 0;
  std::uint64_t window = 0;   // 0: none
  std::uint64_t experts = 0;  // 0: none
  std::uint64_t experts_used = 0;
  double epsilon = 0;
  double rope_base = 0;
  std::optional<double> rope_divisor;  // of linear scaling
  std::optional<Llama3Rope> llama3;
  double score_cap = 0;
  double logit_cap = 0;
  bool tied = false;
};

// parse_hf_config reads: architectures, max_position_embeddings, hidden_size, num_hidden_layers,
// intermediate_size, num_attention_heads, num_key_value_heads, head_dim, vocab_size, rms_norm_eps,
// rope_theta, rope_scaling (or rope_parameters, which holds both), partial_rotary_factor,
// sliding_window, num_local_experts, num_experts_per_tok, attn_logit_softcapping,
// final_logit_softcapping, query_pre_attn_scalar, tie_word_embeddings, hidden_act.
// Refused: JSON that is not strict, a missing or senseless number (rules::hf_config_number), a
// class that is not known (rules::hf_config_architecture), and what means another computation
// (rules::hf_config_unsupported): scaling of rotary positions other than linear and llama3, biases
// or activations the class has not got, windows in some layers only.
Result<HfConfig> parse_hf_config(std::string_view json);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule hf_config_architecture{"model.hf-config.architecture"};
inline constexpr Rule hf_config_number{"model.hf-config.number"};
inline constexpr Rule hf_config_unsupported{"model.hf-config.unsupported"};
}  // namespace attest::rules
