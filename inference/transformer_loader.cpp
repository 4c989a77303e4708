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
    TRY(const ModelShape shape, read_model_shape(*gguf_));
    TRY(Matrix embedding, matrix("token_embd.weight", shape.embedding, shape.vocabulary));
    Transformer transformer(shape, std::move(embedding));
    for (std::size_t i = 0; i < shape.layers; ++i) {
      TRY(Layer layer, this->layer("blk." + std::to_string(i) + ".", shape));
      transformer.layers_.push_back(std::move(layer));
    }
    TRY(transformer.output_norm_, vector("output_norm.weight", shape.embedding));
    if (gguf_->find_tensor("output.weight")) {
      TRY(transformer.output_, matrix("output.weight", shape.embedding, shape.vocabulary));
    }
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
  Result<Layer> layer(const std::string& prefix, const ModelShape& shape) {
    TRY(auto attention_norm, vector(prefix + "attn_norm.weight", shape.embedding));
    TRY(auto query, matrix(prefix + "attn_q.weight", shape.embedding, shape.query_size()));
    TRY(auto key, matrix(prefix + "attn_k.weight", shape.embedding, shape.kv_size()));
    TRY(auto value, matrix(prefix + "attn_v.weight", shape.embedding, shape.kv_size()));
    TRY(auto output, matrix(prefix + "attn_output.weight", shape.query_size(), shape.embedding));
    TRY(auto norm, vector(prefix + "ffn_norm.weight", shape.embedding));
    TRY(auto gate, matrix(prefix + "ffn_gate.weight", shape.embedding, shape.feed_forward));
    TRY(auto up, matrix(prefix + "ffn_up.weight", shape.embedding, shape.feed_forward));
    TRY(auto down, matrix(prefix + "ffn_down.weight", shape.feed_forward, shape.embedding));
    return Layer{std::move(attention_norm), std::move(query),  std::move(key),
                 std::move(value),          std::move(output), std::move(norm),
                 std::move(gate),           std::move(up),     std::move(down)};
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

  // vector reads weights of a normalisation: one row, as floats.
  Result<std::vector<float>> vector(const std::string& name, std::size_t size) {
    TRY(const Matrix row, matrix(name, size, 1));
    std::vector<float> floats(size);
    row.row(0, floats);
    return floats;
  }

  model::VerifiedFile* file_;
  const model::Gguf* gguf_;
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
