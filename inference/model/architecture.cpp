#include "inference/model/architecture.h"

namespace attest::inference {

const Architecture* find_architecture(std::string_view name) {
  for (const Architecture* each : {&architecture_llama, &architecture_qwen2, &architecture_qwen3,
                                   &architecture_gemma2, &architecture_gemma3, &architecture_phi3})
    if (each->name == name) return each;
  return nullptr;
}

std::string_view architecture_names() {
  return "llama, qwen2, qwen3, gemma2, gemma3, phi3";
}

}  // namespace attest::inference
