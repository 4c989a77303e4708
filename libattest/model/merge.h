// Merging of weights, specified to the bit: the same inputs give the same file everywhere, so that
// a merged model's descent can be proven by doing it again.
//
// All numbers are f32 unless said otherwise. F16 and BF16 are read exactly; every product and every
// sum is rounded by itself (no fused multiply-add), to nearest, ties to even. Results are rounded
// to the stored type in the same way. A result that is not finite is refused (rules::merge_value).
//
//   linear   e = ((0 + w1·x1) + w2·x2) + …, in the order of the inputs
//   LoRA     s = alpha / r;  d(i,j) = ((0 + B(i,0)·A(0,j)) + B(i,1)·A(1,j)) + …;  W' = W + s·d(i,j)
//
// Inputs are safetensors of F32, F16 and BF16. The output is one safetensors file:
//   - the tensors in the order of their names' bytes, their data in the same order without a gap;
//   - the header is JSON without spaces: {"NAME":{"dtype":"…","shape":[…],"data_offsets":[b,e]},…},
//     filled up with spaces to a multiple of 8 bytes; no __metadata__.
// Pure functions; everything is held in memory.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::model {

// merge_linear merges two or more files with the same tensors: names, types and shapes
// (rules::merge_inputs). There is one finite weight a file.
Result<Bytes> merge_linear(std::span<const Bytes> files, std::span<const float> weights);

// merge_lora adds an adapter to its base, as PEFT writes one: tensors
// "base_model.model.NAME.lora_A.weight" [r, in] and "….lora_B.weight" [out, r] for the base's
// "NAME.weight" [out, in], and adapter_config.json with r and lora_alpha. Refused
// (rules::merge_adapter): other tensors, a base without NAME.weight, shapes that do not fit, and
// configurations that mean another sum (rank or alpha patterns, rsLoRA, DoRA, biases, saved
// modules, fan_in_fan_out).
Result<Bytes> merge_lora(ByteView base, ByteView adapter, std::string_view adapter_config);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule merge_inputs{"model.merge.inputs"};
inline constexpr Rule merge_adapter{"model.merge.adapter"};
inline constexpr Rule merge_value{"model.merge.value"};
}  // namespace attest::rules
