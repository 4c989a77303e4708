// Phi 3 and 3.5 mini with their short context, Phi 4 mini: matrices fused by their makers.
#include "inference/model/architecture.h"

namespace attest::inference {

constinit const Architecture architecture_phi3{
    .name = "phi3",
    .fused = true,
};

}  // namespace attest::inference
