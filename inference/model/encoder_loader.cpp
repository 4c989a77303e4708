// From a BERT file to an Encoder: its shape, and its weights in panels.
#include <set>

#include "inference/model/encoder.h"
#include "inference/model/model_shape.h"
#include "inference/model/transformer.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Error wrong_number(const std::string& key, std::string expected, std::uint64_t found) {
  return refused(rules::shape_number, key + " makes no sense")
      .expected(std::move(expected))
      .found(std::to_string(found));
}

Result<EncoderShape::Pooling> read_pooling(const model::Gguf& gguf) {
  TRY(const std::uint64_t said, gguf.unsigned_or("bert.pooling_type", 0));
  if (said == 1) return EncoderShape::Pooling::mean;
  if (said == 2) return EncoderShape::Pooling::first;
  return fail(refused(rules::encoder_pooling, "the file says no way to make one vector of a text")
                  .expected("bert.pooling_type 1 (mean) or 2 (first position)")
                  .found(std::to_string(said)));
}

}  // namespace

std::string_view to_string(EncoderShape::Pooling pooling) {
  return pooling == EncoderShape::Pooling::mean ? "mean" : "first";
}

Result<EncoderShape> read_encoder_shape(const model::Gguf& gguf) {
  EncoderShape shape{};
  const auto in_range = [&gguf](const char* name, std::uint64_t most, std::size_t& to) -> Status {
    const std::string key = std::string("bert.") + name;
    TRY(const std::uint64_t value, gguf.unsigned_integer(key));
    if (value < 1 || value > most)
      return fail(wrong_number(key, "1 to " + std::to_string(most), value));
    to = value;
    return {};
  };
  TRY_VOID(in_range("context_length", 1U << 16, shape.context));
  TRY_VOID(in_range("embedding_length", 1U << 14, shape.embedding));
  TRY_VOID(in_range("block_count", 256, shape.layers));
  TRY_VOID(in_range("feed_forward_length", 1U << 16, shape.feed_forward));
  TRY_VOID(in_range("attention.head_count", 256, shape.heads));
  if (shape.embedding % shape.heads != 0)
    return fail(
        wrong_number("bert.attention.head_count", "one that divides the embedding", shape.heads));
  TRY(const double epsilon, gguf.number("bert.attention.layer_norm_epsilon"));
  if (!(epsilon > 0 && epsilon < 1))
    return fail(refused(rules::shape_number, "bert.attention.layer_norm_epsilon makes no sense")
                    .expected("above 0, below 1")
                    .found(std::to_string(epsilon)));
  shape.epsilon = static_cast<float>(epsilon);
  TRY(const bool causal, gguf.boolean_or("bert.attention.causal", false));
  if (causal)
    return fail(refused(rules::shape_unsupported,
                        "an encoder that sees only what was before is not supported"));
  TRY(shape.pooling, read_pooling(gguf));
  TRY(const auto* tokens, gguf.array("tokenizer.ggml.tokens", model::GgufType::string));
  shape.vocabulary = tokens->size();
  return shape;
}

class Encoder::Loader {
 public:
  explicit Loader(const model::VerifiedGguf& file) : file_(&file) {}

  Result<Encoder> load() {
    TRY(const EncoderShape shape, read_encoder_shape(file_->gguf()));
    const std::size_t width = shape.embedding;
    TRY(Matrix tokens, matrix("token_embd.weight", width, shape.vocabulary));
    TRY(const std::uint64_t types, file_->gguf().unsigned_or("tokenizer.ggml.token_type_count", 2));
    TRY(Matrix types_matrix, matrix("token_types.weight", width, types));
    TRY(Matrix positions, matrix("position_embd.weight", width, shape.context));
    Encoder encoder(shape, std::move(tokens), std::move(types_matrix), std::move(positions));
    TRY(encoder.norm_, norm("token_embd_norm", width));
    for (std::size_t i = 0; i < shape.layers; ++i) {
      TRY(EncoderLayer layer, this->layer("blk." + std::to_string(i) + ".", shape));
      encoder.layers_.push_back(std::move(layer));
    }
    for (const model::GgufTensor& tensor : file_->gguf().tensors())
      if (!used_.contains(tensor.name))
        return fail(
            refused(rules::transformer_unknown_tensor,
                    "tensor " + printable(tensor.name) + " has no use in this architecture"));
    encoder.sha256_ = file_->digests().sha256;
    encoder.fsverity_ = file_->digests().fsverity;
    return encoder;
  }

 private:
  Result<EncoderLayer> layer(const std::string& prefix, const EncoderShape& shape) {
    const std::size_t width = shape.embedding;
    const std::size_t inner = shape.feed_forward;
    TRY(Linear query, linear(prefix + "attn_q", width, width));
    TRY(Linear key, linear(prefix + "attn_k", width, width));
    TRY(Linear value, linear(prefix + "attn_v", width, width));
    TRY(Linear output, linear(prefix + "attn_output", width, width));
    TRY(Norm attention, norm(prefix + "attn_output_norm", width));
    TRY(Linear up, linear(prefix + "ffn_up", width, inner));
    TRY(Linear down, linear(prefix + "ffn_down", inner, width));
    TRY(Norm feed_forward, norm(prefix + "layer_output_norm", width));
    return EncoderLayer{std::move(query),  std::move(key),         std::move(value),
                        std::move(output), std::move(attention),   std::move(up),
                        std::move(down),   std::move(feed_forward)};
  }

  Result<Linear> linear(const std::string& name, std::size_t columns, std::size_t rows) {
    TRY(Matrix weights, matrix(name + ".weight", columns, rows));
    TRY(auto bias, vector(name + ".bias", rows));
    return Linear{std::move(weights), std::move(bias)};
  }
  Result<Norm> norm(const std::string& name, std::size_t size) {
    TRY(auto weight, vector(name + ".weight", size));
    TRY(auto bias, vector(name + ".bias", size));
    return Norm{std::move(weight), std::move(bias)};
  }
  Result<std::vector<float>> vector(const std::string& name, std::size_t size) {
    TRY(const Matrix row, matrix(name, size, 1));
    std::vector<float> floats(size);
    row.row(0, floats);
    return floats;
  }
  Result<Matrix> matrix(const std::string& name, std::size_t columns, std::size_t rows) {
    TRY(const model::GgufTensor* found, tensor_of_size(file_->gguf(), name, columns, rows));
    used_.insert(name);
    return Matrix::pack(*found, file_->data(*found));
  }

  const model::VerifiedGguf* file_;
  std::set<std::string> used_;
};

Result<Encoder> Encoder::load(model::VerifiedFile& file) {
  TRY(const model::VerifiedGguf whole, model::load_verified_gguf(file));
  TRY_WITHIN(file.name(), Encoder encoder, Loader(whole).load());
  return encoder;
}

}  // namespace attest::inference
