// Gemma 2: norms before and behind, capped scores and logits, every second layer sees everything.
// Converters have added 1 to the weights of all norms.
#include "inference/model/architecture.h"

namespace attest::inference {

constinit const Architecture architecture_gemma2{
    .name = "gemma2",
    .gate = Architecture::Gate::gelu,
    .norms_behind = true,
    .scaled_embedding = true,
    .softcaps = true,
    .global_every = 2,
    .layers_scaled_by_width = 46,  // the model of 27 billion weights
};

}  // namespace attest::inference
