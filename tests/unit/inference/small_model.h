// A llama-architecture model of a few thousand weights, made here, for tests that need one.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "inference/model/transformer.h"
#include "inference/text/tokenizer.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/half.h"
#include "libattest/model/quantize.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/random_weights.h"

namespace attest::inference {

// small_vocabulary: <unk>, <s>, </s>, 256 bytes, and a few pieces that merge.
inline void add_small_vocabulary(model::GgufWriter& writer) {
  std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
  std::vector<float> scores(3, 0.0F);
  std::vector<std::int32_t> types{2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    tokens.push_back(std::string("<0x") + digits[static_cast<std::size_t>(byte / 16)] +
                     digits[static_cast<std::size_t>(byte % 16)] + ">");
    scores.push_back(0.0F);
    types.push_back(6);
  }
  const std::vector<std::pair<std::string, float>> pieces{{"\xe2\x96\x81", -9},
                                                          {"a", -8},
                                                          {"b", -8},
                                                          {"c", -8},
                                                          {"ab", -2},
                                                          {"bc", -1},
                                                          {"aa", -3},
                                                          {"abc", -6},
                                                          {"\xe2\x96\x81"
                                                           "a",
                                                           -5}};
  for (const auto& [text, score] : pieces) {
    tokens.push_back(text);
    scores.push_back(score);
    types.push_back(1);
  }
  tokens.push_back("<tool>");
  scores.push_back(0.0F);
  types.push_back(4);
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_f32s("tokenizer.ggml.scores", scores);
  writer.add_i32s("tokenizer.ggml.token_type", types);
  writer.add_u32("tokenizer.ggml.bos_token_id", 1);
  writer.add_u32("tokenizer.ggml.eos_token_id", 2);
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
}
inline constexpr std::size_t small_vocabulary_size = 3 + 256 + 9 + 1;

struct SmallShape {
  std::uint32_t context = 96;
  std::uint32_t embedding = 64;
  std::uint32_t layers = 2;
  std::uint32_t feed_forward = 96;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 2;
  std::uint32_t rope = 16;
  bool own_output = true;
  model::TensorType type = model::TensorType::f32;  // of matrices
  std::string without = {};                         // a tensor to leave out
  std::string besides = {};                         // a tensor to add
  float poison = 1.0F;                              // one weight of the output norm
  std::string chat_template = {};
};

inline Bytes small_model(const SmallShape& shape = {}) {
  model::GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_u32("llama.context_length", shape.context);
  writer.add_u32("llama.embedding_length", shape.embedding);
  writer.add_u32("llama.block_count", shape.layers);
  writer.add_u32("llama.feed_forward_length", shape.feed_forward);
  writer.add_u32("llama.attention.head_count", shape.heads);
  writer.add_u32("llama.attention.head_count_kv", shape.kv_heads);
  writer.add_u32("llama.rope.dimension_count", shape.rope);
  writer.add_f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  add_small_vocabulary(writer);
  if (!shape.chat_template.empty())
    writer.add_string("tokenizer.chat_template", shape.chat_template);

  Noise noise(7);
  const auto matrix = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
    if (name == shape.without) return;
    const float scale = 4.0F / std::sqrt(static_cast<float>(columns));
    writer.add_tensor(name, {columns, rows}, shape.type,
                      random_weights(shape.type, columns * rows, noise, scale));
  };
  const auto norm = [&](const std::string& name, float first) {
    std::vector<float> values(shape.embedding, 1.0F);
    values[0] = first;
    writer.add_tensor_f32(name, {shape.embedding}, values);
  };
  const std::uint64_t kv = shape.embedding / shape.heads * shape.kv_heads;
  matrix("token_embd.weight", shape.embedding, small_vocabulary_size);
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    norm(prefix + "attn_norm.weight", 1.0F);
    matrix(prefix + "attn_q.weight", shape.embedding, shape.embedding);
    matrix(prefix + "attn_k.weight", shape.embedding, kv);
    matrix(prefix + "attn_v.weight", shape.embedding, kv);
    matrix(prefix + "attn_output.weight", shape.embedding, shape.embedding);
    norm(prefix + "ffn_norm.weight", 1.0F);
    matrix(prefix + "ffn_gate.weight", shape.embedding, shape.feed_forward);
    matrix(prefix + "ffn_up.weight", shape.embedding, shape.feed_forward);
    matrix(prefix + "ffn_down.weight", shape.feed_forward, shape.embedding);
  }
  norm("output_norm.weight", shape.poison);
  if (shape.own_output) matrix("output.weight", shape.embedding, small_vocabulary_size);
  if (!shape.besides.empty()) writer.add_tensor_f32(shape.besides, {1}, {1});
  return must(writer.finish());
}

// MemoryFile is a file in memory.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(Bytes bytes) : bytes_(std::move(bytes)) {}
  Result<std::uint64_t> size() override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
    const std::size_t count = std::min<std::size_t>(buffer.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, buffer.begin());
    return count;
  }
  Status write_at(std::uint64_t, ByteView) override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Status sync() override { return {}; }

 private:
  Bytes bytes_;
};

inline Result<Transformer> load_from(const Bytes& bytes) {
  const model::FileDigests own = model::digest_bytes(bytes);
  TRY(model::VerifiedFile file,
      model::VerifiedFile::of(std::make_unique<MemoryFile>(bytes), "small.gguf",
                              {own.size, own.sha256, own.fsverity}, std::nullopt));
  return Transformer::load(file);
}

}  // namespace attest::inference
