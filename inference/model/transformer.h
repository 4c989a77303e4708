// A transformer that writes texts, in the profiles of exact.h: RMS normalisation, rotary positions,
// grouped-query attention with or without a sliding window, gated feed-forward or a mixture of
// such, tied or own output. architecture.h says what an architecture chooses.
//
// A Transformer is immutable and may be used by several Sequences at once (a streamed one by one
// pass after the other); a Sequence is for one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "inference/kernels/matrix.h"
#include "inference/model/key_value_cache.h"
#include "inference/model/model_shape.h"
#include "inference/text/vocabulary.h"
#include "libattest/model/verified_file.h"

namespace attest::inference {

struct FeedForward {
  Matrix gate, up, down;
};

// Layer: what an architecture has not got is empty.
struct Layer {
  std::vector<float> attention_norm;
  Matrix query, key, value, attention_output;
  std::vector<float> query_bias, key_bias, value_bias;
  std::vector<float> query_norm, key_norm;  // of one head
  std::vector<float> norm_behind_attention;
  std::vector<float> feed_forward_norm;
  std::optional<Matrix> router;      // a row an expert
  std::vector<FeedForward> experts;  // one where there is no router
  std::vector<float> norm_behind_feed_forward;
};

class StreamedLayers;

class Transformer {
 public:
  // load reads the weights through the file's block checks into their packed form, with all of the
  // machine's threads. Refused, before a weight is read: a shape that read_model_shape refuses, a
  // tensor that is missing, of wrong dimensions (rules::transformer_tensor), of a type that has no
  // kernels (rules::matrix_type), or one that this architecture has no use for
  // (rules::transformer_unknown_tensor), for then the file means more than is computed here.
  static Result<Transformer> load(model::VerifiedFile& file);
  static Result<Transformer> load(model::VerifiedFile& file, const Machine& machine);

  // stream keeps no more than about `budget` bytes of weights in memory: embedding and output,
  // as many layers as fit, and two through which the others come from disk, each checked each time.
  // The answer is the same to the bit. Refused: a budget that holds not even that
  // (rules::transformer_budget).
  static Result<Transformer> stream(model::VerifiedFile file, std::uint64_t budget);

  ~Transformer();
  Transformer(Transformer&&) noexcept;
  Transformer& operator=(Transformer&&) noexcept;

  const ModelShape& shape() const { return shape_; }
  // layer gives a layer, which stays while it is held. Where layers are streamed, whoever computes
  // holds a Pass: one goes through the layers at a time, in order.
  Result<std::shared_ptr<const Layer>> layer(std::size_t number) const;
  std::unique_lock<std::mutex> begin_pass() const;
  // streamed_bytes come from disk in every pass; none where all layers stay.
  std::uint64_t streamed_bytes() const { return streamed_bytes_; }

  const Matrix& embedding() const { return embedding_; }
  const std::vector<float>& output_norm() const { return output_norm_; }
  // output is the embedding again where the file has no output matrix.
  const Matrix& output() const { return output_ ? *output_ : embedding_; }
  // rope_frequencies: one for each pair of a head that turns, in layers with or without a window.
  std::span<const double> rope_frequencies(bool sliding) const {
    return sliding ? sliding_rope_frequencies_ : rope_frequencies_;
  }
  // Digests of the file, for receipts.
  const Sha256& sha256() const { return sha256_; }
  const Sha256& fsverity() const { return fsverity_; }

 private:
  Transformer(ModelShape shape, Matrix embedding);
  friend class TransformerLoader;

  ModelShape shape_;
  Matrix embedding_;
  std::vector<std::shared_ptr<const Layer>> layers_;
  std::vector<float> output_norm_;
  std::optional<Matrix> output_;
  std::vector<double> rope_frequencies_, sliding_rope_frequencies_;
  std::unique_ptr<StreamedLayers> streamed_;  // in place of layers_
  std::uint64_t streamed_bytes_ = 0;
  Sha256 sha256_{};
  Sha256 fsverity_{};
};

// Sequence is one text being read or written: its positions so far and their keys and values.
class Sequence {
 public:
  // A sequence of at most `capacity` positions, which must not be more than the model's context
  // (rules::sequence_too_long). It borrows the transformer. A model whose heads are not whole runs
  // has no exact-1-kv8 (rules::sequence_profile).
  static Result<Sequence> begin(const Transformer& transformer, std::size_t capacity,
                                exact::Profile profile = exact::Profile::exact_1);

  std::size_t length() const { return length_; }
  std::size_t capacity() const { return capacity_; }
  const Transformer& transformer() const { return *transformer_; }

  // LogitsSink gets the logits of one position; what it fails with ends the pass.
  using LogitsSink = std::function<Status(std::size_t position, std::span<const float> logits)>;

  // append computes the next positions, in chunks, and gives the logits of each to `sink`, in
  // order. Every value is the same whether tokens come at once or one by one. Refused: tokens
  // outside the vocabulary (rules::token_unknown), positions beyond the capacity
  // (rules::sequence_too_long), logits that are not finite (rules::logits_not_finite).
  // With `wanted`, logits are computed and given for the positions it says yes to, and no others.
  using Wanted = std::function<bool(std::size_t position)>;
  Status append(std::span<const Token> tokens, const Machine& machine, const LogitsSink& sink,
                const Wanted& wanted = {});

 private:
  friend class Pass;
  friend class PrefixCache;
  Sequence(const Transformer& transformer, std::size_t capacity, exact::Profile profile);
  Status check(std::span<const Token> tokens) const;

  const Transformer* transformer_;
  std::size_t capacity_;
  std::size_t length_ = 0;
  KeyValueCache cache_;

  friend void append_together(std::span<struct Continuation>, const Machine&);
};

// Continuation is one sequence's share of a pass.
struct Continuation {
  Sequence* sequence;
  std::span<const Token> tokens;
  Sequence::LogitsSink sink;
  Sequence::Wanted wanted = {};  // without: all
  Status outcome = {};           // as append gives it; one that fails leaves the others as they are
};

// append_together computes the next positions of several sequences of one transformer in one pass,
// so that the weights are read once for all of them. Every value is the same as if each had been
// appended alone. All tokens of a call are computed at once: callers keep their number in bounds.
void append_together(std::span<Continuation> continuations, const Machine& machine);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule transformer_unknown_tensor{"inference.transformer.unknown-tensor"};
inline constexpr Rule transformer_budget{"inference.transformer.budget"};
inline constexpr Rule sequence_too_long{"inference.sequence.too-long"};
inline constexpr Rule sequence_profile{"inference.sequence.profile"};
inline constexpr Rule token_unknown{"inference.token.unknown"};
inline constexpr Rule logits_not_finite{"inference.logits.not-finite"};
}  // namespace attest::rules
