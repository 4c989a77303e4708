// The numbers that describe a model, read from GGUF keys and checked.
#pragma once

#include <cstdint>

#include "inference/model/architecture.h"
#include "libattest/model/gguf.h"

namespace attest::inference {

struct ModelShape {
  const Architecture* architecture;
  std::size_t context;    // positions
  std::size_t embedding;  // width of the residual stream
  std::size_t layers;
  std::size_t feed_forward;
  std::size_t heads;
  std::size_t kv_heads;  // divides heads
  std::size_t head_size;
  std::size_t rope_dimensions;  // even, at most head_size
  std::size_t vocabulary;
  float epsilon;  // of RMS normalisation
  double rope_base;
  double sliding_rope_base;  // of layers with a window
  double rope_divisor;       // of frequencies: linear scaling; not in layers with a window
  std::size_t window;        // positions that a layer with a window sees; 0: no layer has one
  float score_scale;         // of queries times keys
  float score_cap;           // 0: none
  float logit_cap;           // 0: none
  float embedding_scale;     // 1: none
  std::size_t experts;       // of a feed-forward layer; 1 where it is no mixture
  std::size_t experts_used;  // for each position

  std::size_t query_size() const { return heads * head_size; }
  std::size_t kv_size() const { return kv_heads * head_size; }
  // slides tells whether a layer sees only the window.
  bool slides(std::size_t layer) const {
    const std::size_t every = architecture->global_every;
    return window != 0 && (every == 0 || layer % every != every - 1);
  }
};

// read_model_shape refuses: an architecture that find_architecture does not know, features that
// this runtime has not got (rope scaling other than linear, experts or caps where the architecture
// has none), numbers of zero or beyond sane limits, heads that do not divide, a rope dimension
// above the head's, more experts used than there are, a vocabulary other than the tokenizer's.
Result<ModelShape> read_model_shape(const model::Gguf& gguf);

// tensor_of_size finds a tensor, and refuses one that is missing or of other dimensions. It points
// into `gguf`.
Result<const model::GgufTensor*> tensor_of_size(const model::Gguf& gguf, const std::string& name,
                                                std::size_t columns, std::size_t rows);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule shape_architecture{"inference.shape.architecture"};
inline constexpr Rule shape_unsupported{"inference.shape.unsupported"};
inline constexpr Rule shape_number{"inference.shape.number"};
inline constexpr Rule transformer_tensor{"inference.transformer.tensor"};
}  // namespace attest::rules
