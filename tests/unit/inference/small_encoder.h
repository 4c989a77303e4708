// A BERT model of a few thousand weights, made here, for tests that need one.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "inference/model/encoder.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/random_weights.h"
#include "tests/unit/inference/small_model.h"

namespace attest::inference {

struct SmallEncoder {
  std::uint32_t context = 40;
  std::uint32_t width = 32;
  std::uint32_t layers = 2;
  std::uint32_t inner = 48;
  std::uint32_t heads = 4;
  std::uint32_t pooling = 1;  // 0: the key is left out
  bool causal = false;
  model::TensorType type = model::TensorType::f32;  // of matrices
  std::string without = {};
  std::string besides = {};
  float poison = 1.0F;  // one weight of the last norm
};

struct MadeEncoder {
  Bytes file;
  std::map<std::string, std::vector<double>> tensors;  // of F32 matrices
};

inline const std::vector<std::string>& small_encoder_tokens() {
  static const std::vector<std::string> tokens{"[CLS]",
                                               "[SEP]",
                                               "[UNK]",
                                               "\xe2\x96\x81"
                                               "the",
                                               "\xe2\x96\x81"
                                               "node",
                                               "\xe2\x96\x81"
                                               "a",
                                               "s",
                                               "\xe2\x96\x81"
                                               "."};
  return tokens;
}

inline MadeEncoder small_encoder(const SmallEncoder& shape = {}) {
  MadeEncoder made;
  model::GgufWriter writer;
  writer.add_string("general.architecture", "bert");
  writer.add_u32("bert.context_length", shape.context);
  writer.add_u32("bert.embedding_length", shape.width);
  writer.add_u32("bert.block_count", shape.layers);
  writer.add_u32("bert.feed_forward_length", shape.inner);
  writer.add_u32("bert.attention.head_count", shape.heads);
  writer.add_f32("bert.attention.layer_norm_epsilon", 1e-12F);
  writer.add_boolean("bert.attention.causal", shape.causal);
  if (shape.pooling != 0) writer.add_u32("bert.pooling_type", shape.pooling);
  writer.add_string("tokenizer.ggml.model", "bert");
  const auto& tokens = small_encoder_tokens();
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  std::vector<std::int32_t> types(tokens.size(), 1);
  types[0] = types[1] = types[2] = 3;
  writer.add_i32s("tokenizer.ggml.token_type", types);
  writer.add_u32("tokenizer.ggml.token_type_count", 2);
  writer.add_u32("tokenizer.ggml.cls_token_id", 0);
  writer.add_u32("tokenizer.ggml.seperator_token_id", 1);
  writer.add_u32("tokenizer.ggml.unknown_token_id", 2);

  Noise noise(11);
  const auto matrix = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
    if (name == shape.without) return;
    const float scale = 3.0F / std::sqrt(static_cast<float>(columns));
    if (shape.type != model::TensorType::f32) {
      writer.add_tensor(name, {columns, rows}, shape.type,
                        random_weights(shape.type, columns * rows, noise, scale));
      return;
    }
    const auto values = noise.many(columns * rows, scale);
    made.tensors[name].assign(values.begin(), values.end());
    writer.add_tensor_f32(name, {columns, rows}, values);
  };
  const auto vector = [&](const std::string& name, std::uint64_t size, float around, float first) {
    if (name == shape.without) return;
    auto values = noise.many(size, 0.5F);
    for (float& value : values) value += around;
    values[0] *= first;
    made.tensors[name].assign(values.begin(), values.end());
    writer.add_tensor_f32(name, {size}, values);
  };
  const auto norm = [&](const std::string& name, float first = 1.0F) {
    vector(name + ".weight", shape.width, 1.0F, first);
    vector(name + ".bias", shape.width, 0.0F, 1.0F);
  };
  const auto linear = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
    matrix(name + ".weight", columns, rows);
    vector(name + ".bias", rows, 0.0F, 1.0F);
  };
  matrix("token_embd.weight", shape.width, tokens.size());
  matrix("token_types.weight", shape.width, 2);
  matrix("position_embd.weight", shape.width, shape.context);
  norm("token_embd_norm");
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string p = "blk." + std::to_string(layer) + ".";
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"})
      linear(p + name, shape.width, shape.width);
    norm(p + "attn_output_norm");
    linear(p + "ffn_up", shape.width, shape.inner);
    linear(p + "ffn_down", shape.inner, shape.width);
    norm(p + "layer_output_norm", layer + 1 == shape.layers ? shape.poison : 1.0F);
  }
  if (!shape.besides.empty()) writer.add_tensor_f32(shape.besides, {1}, {1});
  made.file = must(writer.finish());
  return made;
}

inline Result<Encoder> load_encoder(const Bytes& bytes) {
  const model::FileDigests own = model::digest_bytes(bytes);
  TRY(model::VerifiedFile file,
      model::VerifiedFile::of(std::make_unique<MemoryFile>(bytes), "small.gguf",
                              {own.size, own.sha256, own.fsverity}, std::nullopt));
  return Encoder::load(file);
}

}  // namespace attest::inference
