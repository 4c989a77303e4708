// Attention of one position, for the query heads that share a key-value head.
#pragma once

#include "inference/model/key_value_cache.h"

namespace attest::inference {

// Seen is what a position looks at: the positions 0 … count - 1 of one head of one layer.
struct Seen {
  std::size_t layer;
  std::size_t kv_head;
  std::size_t count;
};

// attend_heads: out = sum over positions p, in order, of softmax(q . k_p * scale)_p * v_p, for
// each of the heads / kv_heads queries that lie one behind the other, and so do the answers. Pure,
// but for `out`.
void attend_heads(const ModelShape& shape, const Kernels& kernels, const KeyValueCache& cache,
                  const Seen& seen, const float* queries, float* out);

}  // namespace attest::inference
