// One pass of positions through a transformer: the mathematics, in its order.
#pragma once

#include <span>
#include <vector>

#include "inference/exact.h"
#include "inference/transformer.h"

namespace attest::inference {

// Pass is one position after the other of one or more sequences, all through each layer together.
// It holds the memory that layers share.
class Pass {
 public:
  // A pass of the tokens of all continuations whose outcome is no failure.
  Pass(const Transformer& transformer, std::span<Continuation> continuations,
       const Machine& machine);

  // run computes every layer, then gives each continuation the logits of its positions.
  void run();

 private:
  struct Position {
    Continuation* continuation;
    Token token;
    std::size_t number;  // in its sequence
  };

  void embed();
  void attend(const Layer& layer, std::size_t layer_number);
  void attend_head(std::size_t layer_number, std::size_t t, std::size_t kv_head);
  void feed_forward(const Layer& layer);
  void give_logits();
  void give(std::size_t first, const Vectors& logits);

  void normalise(std::span<const float> weight);
  void add_projected();
  void prepare_rotations();
  void rotate(std::size_t t, std::span<float> heads) const;

  const Transformer* transformer_;
  const ModelShape* shape_;
  const Machine* machine_;
  std::vector<Position> positions_;
  std::vector<exact::SineCosine> rotations_;  // [position][pair]

  Vectors x_;  // the residual stream
  Vectors n_;  // normalised
  Vectors query_, key_, value_, mixed_;
  Vectors gate_, up_;
  Vectors projected_;
  MatrixInput input_;
};

}  // namespace attest::inference
