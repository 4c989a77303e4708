// One pass of positions through a transformer: the mathematics, in its order.
#pragma once

#include <span>
#include <vector>

#include "inference/kernels/exact.h"
#include "inference/model/transformer.h"

namespace attest::inference {

// Pass is one position after the other of one or more sequences, all through each layer together.
// It holds the memory that layers share.
class Pass {
 public:
  // A pass of the tokens of all continuations whose outcome is no failure.
  Pass(const Transformer& transformer, std::span<Continuation> continuations,
       const Machine& machine);

  // run computes every layer, then gives each continuation the logits of its positions. A layer
  // that cannot be had, or that is not the file's any more, is the outcome of all.
  void run();

 private:
  struct Position {
    Continuation* continuation;
    Token token;
    std::size_t number;  // in its sequence
  };

  void fail_all(const Error& why);
  void embed();
  void attend(const Layer& layer, std::size_t layer_number);
  void prepare_heads(const Layer& layer, std::size_t layer_number, std::size_t t);
  void feed_forward(const Layer& layer);
  // Share is a position that goes to an expert, and the weight of what that gives it.
  struct Share {
    std::size_t position;
    float weight;
  };
  void gated(const FeedForward& part, Vectors& gate, Vectors& up, Vectors& out);
  std::vector<std::vector<Share>> route(const Layer& layer);
  void mixture(const Layer& layer);
  void give_logits();
  void give(const Position& position, std::span<const float> logits);

  void normalise(std::span<const float> weight);
  void normalise_heads(std::span<float> heads, std::span<const float> weight) const;
  void add_projected(std::span<const float> norm_behind);
  void prepare_rotations(bool sliding);
  void rotate(std::size_t t, bool sliding, std::span<float> heads) const;

  const Transformer* transformer_;
  const ModelShape* shape_;
  const Machine* machine_;
  std::vector<Position> positions_;
  std::vector<exact::SineCosine>
      rotations_[2];  // of layers that do not slide, and do: [position][pair]

  Vectors x_;  // the residual stream
  Vectors n_;  // normalised
  Vectors query_, key_, value_, mixed_;
  Vectors gate_, up_;
  Vectors projected_;
  MatrixInput input_;
};

}  // namespace attest::inference
