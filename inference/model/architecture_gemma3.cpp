// Gemma 3, text: as Gemma 2, without caps, with norms of heads; every sixth layer sees everything,
// the others turn by a base of their own.
#include "inference/model/architecture.h"

namespace attest::inference {

constinit const Architecture architecture_gemma3{
    .name = "gemma3",
    .gate = Architecture::Gate::gelu,
    .head_norms = true,
    .norms_behind = true,
    .scaled_embedding = true,
    .global_every = 6,
    .sliding_rope_base = 10000,
    .layers_scaled_by_width = 62,  // the model of 27 billion weights
};

}  // namespace attest::inference
