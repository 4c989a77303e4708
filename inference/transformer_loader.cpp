// Transformer::load: from a verified file to packed weights, one tensor in memory at a time.
#include <set>

#include "inference/transformer.h"
#include "libattest/base/text.h"

namespace attest::inference {

class TransformerLoader {
 public:
  TransformerLoader(model::VerifiedFile& file, const model::Gguf& gguf)
      : file_(&file), gguf_(&gguf) {}

  Result<Transformer> load() {
    TRY(shape_, read_model_shape(*gguf_));
    TRY(Matrix embedding, matrix("token_embd.weight", shape_.embedding, shape_.vocabulary));
    Transformer transformer(shape_, std::move(embedding));
    for (std::size_t i = 0; i < shape_.layers; ++i) {
      TRY(Layer layer, this->layer("blk." + std::to_string(i) + "."));
      transformer.layers_.push_back(std::move(layer));
    }
    TRY(transformer.output_norm_, vector("output_norm.weight", shape_.embedding));
    if (gguf_->find_tensor("output.weight")) {
      TRY(transformer.output_, matrix("output.weight", shape_.embedding, shape_.vocabulary));
    }
    if (gguf_->find_tensor("rope_freqs.weight")) TRY_VOID(divide_frequencies(transformer));
    for (const model::GgufTensor& tensor : gguf_->tensors())
      if (!used_.contains(tensor.name))
        return fail(
            refused(rules::transformer_unknown_tensor,
                    "tensor " + printable(tensor.name) + " has no use in this architecture"));
    transformer.sha256_ = file_->sha256();
    transformer.fsverity_ = file_->fsverity();
    return transformer;
  }

 private:
  struct Attention {
    Matrix query, key, value;
  };

  Result<Layer> layer(const std::string& prefix) {
    const Architecture& has = *shape_.architecture;
    TRY(auto norm, vector(prefix + "attn_norm.weight", shape_.embedding));
    TRY(Attention in, attention(prefix));
    TRY(auto out, matrix(prefix + "attn_output.weight", shape_.query_size(), shape_.embedding));
    Layer layer{.attention_norm = std::move(norm),
                .query = std::move(in.query),
                .key = std::move(in.key),
                .value = std::move(in.value),
                .attention_output = std::move(out),
                .query_bias = {},
                .key_bias = {},
                .value_bias = {},
                .query_norm = {},
                .key_norm = {},
                .norm_behind_attention = {},
                .feed_forward_norm = {},
                .router = {},
                .experts = {},
                .norm_behind_feed_forward = {}};
    if (has.biases) {
      TRY(layer.query_bias, vector(prefix + "attn_q.bias", shape_.query_size()));
      TRY(layer.key_bias, vector(prefix + "attn_k.bias", shape_.kv_size()));
      TRY(layer.value_bias, vector(prefix + "attn_v.bias", shape_.kv_size()));
    }
    if (has.head_norms) {
      TRY(layer.query_norm, vector(prefix + "attn_q_norm.weight", shape_.head_size));
      TRY(layer.key_norm, vector(prefix + "attn_k_norm.weight", shape_.head_size));
    }
    TRY(layer.feed_forward_norm, vector(prefix + "ffn_norm.weight", shape_.embedding));
    if (has.norms_behind) {
      TRY(layer.norm_behind_attention,
          vector(prefix + "post_attention_norm.weight", shape_.embedding));
      TRY(layer.norm_behind_feed_forward,
          vector(prefix + "post_ffw_norm.weight", shape_.embedding));
    }
    if (shape_.experts == 1) {
      TRY(auto only, feed_forward(prefix));
      layer.experts.push_back(std::move(only));
    } else {
      TRY(layer.router, matrix(prefix + "ffn_gate_inp.weight", shape_.embedding, shape_.experts));
      TRY_VOID(read_experts(prefix, layer.experts));
    }
    return layer;
  }

  Result<Attention> attention(const std::string& prefix) {
    const std::size_t from = shape_.embedding;
    const std::size_t query = shape_.query_size();
    const std::size_t kv = shape_.kv_size();
    if (shape_.architecture->fused) {
      TRY(auto parts, slices(prefix + "attn_qkv.weight", from, {query, kv, kv}));
      return Attention{std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
    }
    TRY(auto q, matrix(prefix + "attn_q.weight", from, query));
    TRY(auto k, matrix(prefix + "attn_k.weight", from, kv));
    TRY(auto v, matrix(prefix + "attn_v.weight", from, kv));
    return Attention{std::move(q), std::move(k), std::move(v)};
  }

  Result<FeedForward> feed_forward(const std::string& prefix) {
    const std::size_t inner = shape_.feed_forward;
    TRY(auto down, matrix(prefix + "ffn_down.weight", inner, shape_.embedding));
    if (shape_.architecture->fused) {
      TRY(auto parts, slices(prefix + "ffn_up.weight", shape_.embedding, {inner, inner}));
      return FeedForward{std::move(parts[0]), std::move(parts[1]), std::move(down)};
    }
    TRY(auto gate, matrix(prefix + "ffn_gate.weight", shape_.embedding, inner));
    TRY(auto up, matrix(prefix + "ffn_up.weight", shape_.embedding, inner));
    return FeedForward{std::move(gate), std::move(up), std::move(down)};
  }

  // The experts of a layer lie one behind the other in one tensor for each of their matrices.
  Status read_experts(const std::string& prefix, std::vector<FeedForward>& experts) {
    const std::vector<std::size_t> inner(shape_.experts, shape_.feed_forward);
    const std::vector<std::size_t> outer(shape_.experts, shape_.embedding);
    TRY(auto gates, slices(prefix + "ffn_gate_exps.weight", shape_.embedding, inner));
    TRY(auto ups, slices(prefix + "ffn_up_exps.weight", shape_.embedding, inner));
    TRY(auto downs, slices(prefix + "ffn_down_exps.weight", shape_.feed_forward, outer));
    for (std::size_t i = 0; i < shape_.experts; ++i)
      experts.push_back({std::move(gates[i]), std::move(ups[i]), std::move(downs[i])});
    return {};
  }

  // Llama 3 gives each pair's divisor.
  Status divide_frequencies(Transformer& transformer) {
    auto& frequencies = transformer.rope_frequencies_;
    TRY(const auto divisors, vector("rope_freqs.weight", frequencies.size()));
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      if (!(divisors[i] >= 1 && divisors[i] <= 4096))
        return fail(refused(rules::transformer_tensor, "rope_freqs.weight makes no sense")
                        .expected("1 to 4096")
                        .found(std::to_string(divisors[i])));
      frequencies[i] = frequencies[i] / static_cast<double>(divisors[i]);
    }
    transformer.sliding_rope_frequencies_ = frequencies;
    return {};
  }

  Result<const model::GgufTensor*> tensor(const std::string& name, std::size_t columns,
                                          std::size_t rows) {
    const model::GgufTensor* found = gguf_->find_tensor(name);
    if (!found) return fail(refused(rules::transformer_tensor, "tensor " + name + " is missing"));
    if (found->columns() != columns || found->rows() != rows)
      return fail(
          refused(rules::transformer_tensor, "tensor " + name + " has wrong dimensions")
              .expected(std::to_string(columns) + " x " + std::to_string(rows))
              .found(std::to_string(found->columns()) + " x " + std::to_string(found->rows())));
    used_.insert(name);
    return found;
  }

  Result<Bytes> read(const model::GgufTensor& tensor) {
    Bytes data(tensor.size);
    TRY_VOID(file_->read(tensor.offset, data));
    return data;
  }

  Result<Matrix> matrix(const std::string& name, std::size_t columns, std::size_t rows) {
    TRY(const model::GgufTensor* found, tensor(name, columns, rows));
    TRY(const Bytes data, read(*found));
    return Matrix::pack(*found, data);
  }

  // slices takes a tensor's rows apart, `counts` of them each.
  Result<std::vector<Matrix>> slices(const std::string& name, std::size_t columns,
                                     const std::vector<std::size_t>& counts) {
    std::size_t rows = 0;
    for (const std::size_t count : counts) rows += count;
    TRY(const model::GgufTensor* found, tensor(name, columns, rows));
    TRY(const Bytes data, read(*found));
    std::vector<Matrix> parts;
    std::size_t at = 0;
    for (const std::size_t count : counts) {
      model::GgufTensor part = *found;
      part.dimensions = {columns, count};
      part.size = data.size() / rows * count;
      TRY(auto matrix, Matrix::pack(part, ByteView(data).subspan(at, part.size)));
      parts.push_back(std::move(matrix));
      at += part.size;
    }
    return parts;
  }

  // vector reads weights of a normalisation: one row, as floats.
  Result<std::vector<float>> vector(const std::string& name, std::size_t size) {
    TRY(const Matrix row, matrix(name, size, 1));
    std::vector<float> floats(size);
    row.row(0, floats);
    return floats;
  }

  model::VerifiedFile* file_;
  const model::Gguf* gguf_;
  ModelShape shape_{};
  std::set<std::string> used_;
};

Result<Transformer> Transformer::load(model::VerifiedFile& file) {
  TRY(const model::Gguf gguf, file.read_description());
  auto loaded = TransformerLoader(file, gguf).load();
  if (!loaded && loaded.error().where.find(file.name()) == std::string::npos)
    loaded.error().within(file.name());
  return loaded;
}

}  // namespace attest::inference
