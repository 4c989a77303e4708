// What tells one architecture from another: a transformer here is one sequence of shared parts
// (pass.h), and an Architecture says which of them it has. Each is one short file,
// architecture_<name>.cpp; adding one is writing such a file, and naming it in architecture.cpp.
#pragma once

#include <cstddef>
#include <string_view>

namespace attest::inference {

struct Architecture {
  // The name in `general.architecture`, with which its keys begin too.
  std::string_view name;

  // Rotary positions turn neighbours (2i, 2i + 1), or elements half the turned ones apart.
  enum class Pairs { neighbours, halves };
  Pairs pairs = Pairs::halves;

  // The feed-forward gate: silu, or gelu by its approximation with tanh.
  enum class Gate { silu, gelu };
  Gate gate = Gate::silu;

  bool biases = false;            // on queries, keys and values
  bool head_norms = false;        // RMS norms of each query and key head, before they turn
  bool norms_behind = false;      // RMS norms of what attention and feed-forward give, too
  bool fused = false;             // query, key, value in one matrix; gate and up in another
  bool scaled_embedding = false;  // embeddings times the square root of their length
  bool experts = false;           // may have a mixture of experts
  bool softcaps = false;          // may have scores and logits softly capped

  // With a sliding window: of so many layers the last sees everything; 0 where all slide.
  std::size_t global_every = 0;
  // The base of rotary positions in layers that slide; 0 where it is that of all.
  double sliding_rope_base = 0;
  // A model of this number of layers scales its scores by embedding / heads, not by the head's
  // size.
  std::size_t layers_scaled_by_width = 0;
};

extern const Architecture architecture_llama;
extern const Architecture architecture_qwen2;
extern const Architecture architecture_qwen3;
extern const Architecture architecture_gemma2;
extern const Architecture architecture_gemma3;
extern const Architecture architecture_phi3;

// find_architecture gives nullptr for one this runtime has not got; architecture_names are all it
// has, with commas.
const Architecture* find_architecture(std::string_view name);
std::string_view architecture_names();

}  // namespace attest::inference
