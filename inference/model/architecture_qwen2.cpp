// Qwen 2 and 2.5.
#include "inference/model/architecture.h"

namespace attest::inference {

constinit const Architecture architecture_qwen2{
    .name = "qwen2",
    .biases = true,
};

}  // namespace attest::inference
