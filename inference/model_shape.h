// The numbers that describe a llama-architecture model, read from GGUF keys and checked.
#pragma once

#include <cstdint>

#include "libattest/model/gguf.h"

namespace attest::inference {

struct ModelShape {
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

  std::size_t query_size() const { return heads * head_size; }
  std::size_t kv_size() const { return kv_heads * head_size; }
};

// read_model_shape refuses: an architecture other than llama, features that this runtime has not
// got (rope scaling, experts, sliding windows), numbers of zero or beyond sane limits, heads that
// do not divide, a rope dimension above the head's, a vocabulary other than the tokenizer's.
Result<ModelShape> read_model_shape(const model::Gguf& gguf);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule shape_architecture{"inference.shape.architecture"};
inline constexpr Rule shape_unsupported{"inference.shape.unsupported"};
inline constexpr Rule shape_number{"inference.shape.number"};
}  // namespace attest::rules
