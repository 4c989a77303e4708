// A small model as Hugging Face's transformers write one, made here: config.json, tokenizer.json,
// tokenizer_config.json and safetensors, for tests of what is made of such directories.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libattest/base/json.h"
#include "libattest/model/half.h"
#include "libattest/model/model_files.h"

namespace attest::test {

using OwnedFiles = std::map<std::string, Bytes>;

inline model::ModelFiles files_of(const OwnedFiles& owned) {
  return {owned.begin(), owned.end()};
}

struct HfTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::string dtype = "F32";
};

// The bytes of a safetensors file of these tensors; what they hold follows from their names alone.
inline Bytes safetensors_of(const std::vector<HfTensor>& tensors) {
  OrderedJson header = OrderedJson::object();
  Bytes data;
  for (const HfTensor& tensor : tensors) {
    std::uint32_t state = 17;
    for (const char c : tensor.name) state = state * 31 + static_cast<unsigned char>(c);
    std::uint64_t count = 1;
    for (const std::uint64_t size : tensor.shape) count *= size;
    const std::size_t begin = data.size();
    for (std::uint64_t i = 0; i < count; ++i) {
      state = state * 1664525U + 1013904223U;
      const float value =
          static_cast<float>(static_cast<std::int32_t>(state >> 8) - (1 << 23)) * 0x1p-24F;
      const auto bits = std::bit_cast<std::uint32_t>(value);
      if (tensor.dtype == "F32") append_u32_le(data, bits);
      if (tensor.dtype == "F16") append_u16_le(data, model::f16_from_f32(value));
      if (tensor.dtype == "BF16") append_u16_le(data, static_cast<std::uint16_t>(bits >> 16));
    }
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = to_line(header);
  Bytes file;
  append_u64_le(file, text.size());
  append(file, as_bytes(text));
  append(file, data);
  return file;
}

// The shape of it: two layers, width 32, four heads of eight, two of keys, 48 inner, 12 tokens.
struct HfModel {
  std::string class_name = "LlamaForCausalLM";
  std::string dtype = "BF16";
  bool fused = false;         // Phi 3
  bool biases = false;        // Qwen 2
  bool head_norms = false;    // Qwen 3, Gemma 3
  bool norms_behind = false;  // Gemma
  bool experts = false;       // Mixtral: two of them
  bool tied = false;
  bool byte_level = false;  // the vocabulary
  std::uint64_t width = 32;

  Json config() const {
    Json said = {{"architectures", {class_name}},
                 {"max_position_embeddings", 64},
                 {"hidden_size", width},
                 {"num_hidden_layers", 2},
                 {"intermediate_size", 48},
                 {"num_attention_heads", 4},
                 {"num_key_value_heads", 2},
                 {"head_dim", 8},
                 {"vocab_size", 12},
                 {"rms_norm_eps", 1e-5},
                 {"rope_theta", 10000.0},
                 {"tie_word_embeddings", tied},
                 {"bos_token_id", 1},
                 {"eos_token_id", {2, 3}}};
    if (class_name.starts_with("Gemma")) {
      said["hidden_activation"] = "gelu_pytorch_tanh";
      said["sliding_window"] = 16;
      said["query_pre_attn_scalar"] = 8;
    }
    if (experts) {
      said["num_local_experts"] = 2;
      said["num_experts_per_tok"] = 1;
    }
    return said;
  }

  std::vector<HfTensor> layer(int number) const {
    const std::string at = "model.layers." + std::to_string(number) + ".";
    std::vector<HfTensor> all;
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
      all.push_back({at + name, std::move(shape), dtype});
    };
    add("input_layernorm.weight", {width});
    add("post_attention_layernorm.weight", {width});
    if (norms_behind) {
      add("pre_feedforward_layernorm.weight", {width});
      add("post_feedforward_layernorm.weight", {width});
    }
    if (fused) {
      add("self_attn.qkv_proj.weight", {64, width});
      add("mlp.gate_up_proj.weight", {96, width});
    } else {
      for (const auto& [name, rows] : {std::pair("q", 32), {"k", 16}, {"v", 16}}) {
        add("self_attn." + std::string(name) + "_proj.weight",
            {static_cast<std::uint64_t>(rows), width});
        if (biases)
          add("self_attn." + std::string(name) + "_proj.bias", {static_cast<std::uint64_t>(rows)});
      }
    }
    if (head_norms) {
      add("self_attn.q_norm.weight", {8});
      add("self_attn.k_norm.weight", {8});
    }
    add("self_attn.o_proj.weight", {width, 32});
    if (experts) {
      add("block_sparse_moe.gate.weight", {2, width});
      for (const char* expert : {"0", "1"}) {
        const std::string of = "block_sparse_moe.experts." + std::string(expert);
        add(of + ".w1.weight", {48, width});
        add(of + ".w2.weight", {width, 48});
        add(of + ".w3.weight", {48, width});
      }
    } else {
      if (!fused) add("mlp.gate_proj.weight", {48, width});
      if (!fused) add("mlp.up_proj.weight", {48, width});
      add("mlp.down_proj.weight", {width, 48});
    }
    return all;
  }

  std::vector<HfTensor> ends() const {
    std::vector<HfTensor> all{{"model.embed_tokens.weight", {12, width}, dtype},
                              {"model.norm.weight", {width}, dtype}};
    if (!tied) all.push_back({"lm_head.weight", {12, width}, dtype});
    return all;
  }

  // <unk>, <s>, </s>, three bytes, ▁, a, b, ab, ▁a and an added token; or bytes, their merges and
  // two added tokens.
  Json tokenizer() const {
    Json said = {{"added_tokens",
                  {{{"id", 1}, {"content", "<s>"}, {"special", true}},
                   {{"id", 2}, {"content", "</s>"}, {"special", true}}}},
                 {"model", {{"type", "BPE"}, {"byte_fallback", !byte_level}}}};
    if (byte_level) {
      said["normalizer"] = {{"type", "NFC"}};
      said["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
      said["model"]["vocab"] = {{"!", 0},
                                {"a", 3},
                                {"b", 4},
                                {"\xc4\xa0", 5},
                                {"c", 6},
                                {"ab", 7},
                                {"abc", 8},
                                {"\xc4\xa0"
                                 "a",
                                 9}};
      said["model"]["merges"] = {"a b", {"ab", "c"}, "\xc4\xa0 a"};
      return said;
    }
    said["added_tokens"].push_back({{"id", 0}, {"content", "<unk>"}, {"special", true}});
    said["added_tokens"].push_back({{"id", 11}, {"content", "<tool>"}, {"special", false}});
    said["normalizer"] = {
        {"type", "Sequence"},
        {"normalizers",
         {{{"type", "Prepend"}, {"prepend", "\xe2\x96\x81"}},
          {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xe2\x96\x81"}}}}};
    said["model"]["unk_token"] = "<unk>";
    said["model"]["vocab"] = {{"<unk>", 0},
                              {"<s>", 1},
                              {"</s>", 2},
                              {"<0x00>", 3},
                              {"<0x01>", 4},
                              {"<0x02>", 5},
                              {"\xe2\x96\x81", 6},
                              {"a", 7},
                              {"b", 8},
                              {"ab", 9},
                              {"\xe2\x96\x81"
                               "a",
                               10}};
    said["model"]["merges"] = {"a b", "\xe2\x96\x81 a"};
    return said;
  }

  OwnedFiles files(bool sharded = false) const {
    OwnedFiles made;
    const auto put = [&](const std::string& name, const Json& content) {
      made[name] = to_bytes(as_bytes(to_line(content)));
    };
    put("config.json", config());
    put("tokenizer.json", tokenizer());
    put("tokenizer_config.json", {{"bos_token", "<s>"},
                                  {"eos_token", {{"content", "</s>"}}},
                                  {"add_bos_token", true},
                                  {"chat_template", "{{ messages }}"}});
    std::vector<HfTensor> first = ends();
    std::vector<HfTensor> second;
    for (const int number : {0, 1})
      for (HfTensor& tensor : layer(number))
        (sharded ? second : first).push_back(std::move(tensor));
    if (!sharded) {
      made["model.safetensors"] = safetensors_of(first);
      return made;
    }
    Json map = Json::object();
    for (const HfTensor& tensor : first) map[tensor.name] = "model-00001-of-00002.safetensors";
    for (const HfTensor& tensor : second) map[tensor.name] = "model-00002-of-00002.safetensors";
    put("model.safetensors.index.json", {{"weight_map", map}});
    made["model-00001-of-00002.safetensors"] = safetensors_of(first);
    made["model-00002-of-00002.safetensors"] = safetensors_of(second);
    return made;
  }
};

// One of each class that is converted.
inline std::vector<HfModel> all_hf_models() {
  return {
      {},
      {.class_name = "MistralForCausalLM", .dtype = "F16", .tied = true},
      {.class_name = "MixtralForCausalLM", .experts = true},
      {.class_name = "Qwen2ForCausalLM", .biases = true, .byte_level = true},
      {.class_name = "Qwen3ForCausalLM", .head_norms = true, .byte_level = true},
      {.class_name = "Phi3ForCausalLM", .dtype = "F32", .fused = true},
      {.class_name = "Gemma2ForCausalLM", .norms_behind = true, .tied = true},
      {.class_name = "Gemma3ForCausalLM", .head_norms = true, .norms_behind = true, .tied = true}};
}

}  // namespace attest::test
