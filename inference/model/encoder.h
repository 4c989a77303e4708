// An encoder that makes one vector of a text, in the profile "exact-1": BERT as GGUF files have it
// (architecture "bert"). Every position sees every other; what the positions hold at the end is
// pooled as the file says, and the vector is scaled to length 1.
//
//   x = norm(token + type 0 + position)
//   each layer:  x = norm(x + W_o attention(W_q x + b, W_k x + b, W_v x + b) + b)
//                x = norm(x + W_down gelu(W_up x + b) + b)
//   vector = mean of all positions (added in their order), or the first; v / |v|
//
// norm is exact::layer_norm, gelu exact::gelu_by_erf, and matrices, scores and sums of attention
// are those of exact.h. An Encoder is immutable and may be used from several threads, each with an
// executor of its own.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "inference/kernels/matrix.h"
#include "inference/text/vocabulary.h"
#include "libattest/model/verified_file.h"

namespace attest::inference {

struct EncoderShape {
  enum class Pooling : std::uint8_t { mean, first };
  std::size_t context;
  std::size_t embedding;
  std::size_t layers;
  std::size_t feed_forward;
  std::size_t heads;
  std::size_t vocabulary;
  float epsilon;
  Pooling pooling;

  std::size_t head_size() const { return embedding / heads; }
};
std::string_view to_string(EncoderShape::Pooling pooling);  // "mean", "first"

// read_encoder_shape refuses numbers of zero or beyond sane limits and heads that do not divide
// (rules::shape_number), attention that sees only what was before (rules::shape_unsupported), and a
// pooling that is not there or not known (rules::encoder_pooling).
Result<EncoderShape> read_encoder_shape(const model::Gguf& gguf);

class Encoder {
 public:
  static constexpr std::string_view architecture = "bert";

  // load reads all of the file through its block checks. Refused as Transformer::load does.
  static Result<Encoder> load(model::VerifiedFile& file);

  const EncoderShape& shape() const { return shape_; }
  // embed refuses no tokens or more than the context (rules::sequence_too_long), tokens outside the
  // vocabulary (rules::token_unknown), and a vector that is not finite (rules::logits_not_finite).
  Result<std::vector<float>> embed(std::span<const Token> tokens, const Machine& machine) const;

  const Sha256& sha256() const { return sha256_; }
  const Sha256& fsverity() const { return fsverity_; }

 private:
  struct Norm {
    std::vector<float> weight, bias;
  };
  struct Linear {
    Matrix matrix;
    std::vector<float> bias;
  };
  struct EncoderLayer {
    Linear query, key, value, output;
    Norm norm_behind_attention;
    Linear up, down;
    Norm norm_behind_feed_forward;
  };
  class Loader;
  class Run;

  Encoder(EncoderShape shape, Matrix tokens, Matrix types, Matrix positions)
      : shape_(shape),
        tokens_(std::move(tokens)),
        types_(std::move(types)),
        positions_(std::move(positions)) {}

  EncoderShape shape_;
  Matrix tokens_, types_, positions_;
  Norm norm_;
  std::vector<EncoderLayer> layers_;
  Sha256 sha256_{};
  Sha256 fsverity_{};
};

// digest_of = SHA-256 of the vector's numbers as little-endian f32: what a receipt names it by.
Sha256 digest_of(std::span<const float> vector);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule encoder_pooling{"inference.encoder.pooling"};
}
