// Llama 1 to 3, Mistral, Mixtral: files of all of them say "llama". Converters reorder queries and
// keys so that neighbours turn together.
#include "inference/model/architecture.h"

namespace attest::inference {

constinit const Architecture architecture_llama{
    .name = "llama",
    .pairs = Architecture::Pairs::neighbours,
    .experts = true,
};

}  // namespace attest::inference
