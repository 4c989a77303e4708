// Qwen 3, dense.
#include "inference/model/architecture.h"

namespace attest::inference {

constinit const Architecture architecture_qwen3{
    .name = "qwen3",
    .head_norms = true,
};

}  // namespace attest::inference
