// Merging of weights, specified to the bit: the same inputs give the same file everywhere, so that
// a merged model's descent can be proven by doing it again.
//
// F16 and BF16 are read exactly; every product, quotient, square root and sum is rounded by itself
// (no fused multiply-add), to nearest, ties to even. Results are rounded to the stored type in the
// same way. A result that is not finite is refused (rules::merge_value).
//
// In f32:
//   linear   e = ((0 + w1·x1) + w2·x2) + …, in the order of the inputs
//   LoRA     s = alpha / r;  d(i,j) = ((0 + B(i,0)·A(0,j)) + B(i,1)·A(1,j)) + …;  W' = W + s·d(i,j)
//
// In binary64, then rounded to f32; x and y are all elements of a tensor in the first and second
// input, sums begin at 0 and go through them in their order:
//   SLERP    cos = Σ x·y / (sqrt(Σ x·x) · sqrt(Σ y·y));  e = u·x + v·y
//            where a sum of squares is 0 or |cos| > 0.9995:  u = 1 - t, v = t; else
//            sin = sqrt(1 - cos·cos); the angle t·θ is built of halves of θ, by the bits of
//            T = the integer below t · 2^32, the highest first:
//              (c, s) = (cos, sin) where T = 2^32, else (1, 0);  (a, b) = (cos, sin);
//              32 times: a' = sqrt((1 + a) / 2), b = b / (2·a'), a = a', and where the bit is 1
//              (c, s) = (c·a - s·b, s·a + c·b)
//            v = s / sin;  u = c - cos·v
//
// Inputs are models in safetensors, single or sharded (model_files.h). The output is one
// safetensors file:
//   - the tensors in the order of their names' bytes, their data in the same order without a gap;
//   - the header is JSON without spaces: {"NAME":{"dtype":"…","shape":[…],"data_offsets":[b,e]},…},
//     filled up with spaces to a multiple of 8 bytes; no __metadata__.
// Pure functions; everything is held in memory.
#pragma once

#include <span>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/model_files.h"

namespace attest::model {

// merge_linear merges two or more models with the same tensors: names, types and shapes
// (rules::merge_inputs). There is one finite weight a model.
Result<Bytes> merge_linear(std::span<const ModelFiles> models, std::span<const float> weights);

// merge_slerp merges two models with the same tensors; t is 0 to 1 (rules::merge_inputs).
Result<Bytes> merge_slerp(const ModelFiles& first, const ModelFiles& second, float t);

// merge_lora adds an adapter to its base, as PEFT writes one: tensors
// "base_model.model.NAME.lora_A.weight" [r, in] and "….lora_B.weight" [out, r] for the base's
// "NAME.weight" [out, in], and adapter_config.json with r and lora_alpha. Refused
// (rules::merge_adapter): no configuration, other tensors, a base without NAME.weight, shapes that
// do not fit, and configurations that mean another sum (rank or alpha patterns, rsLoRA, DoRA,
// biases, saved modules, fan_in_fan_out).
Result<Bytes> merge_lora(const ModelFiles& base, const ModelFiles& adapter);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule merge_inputs{"model.merge.inputs"};
inline constexpr Rule merge_adapter{"model.merge.adapter"};
inline constexpr Rule merge_value{"model.merge.value"};
}  // namespace attest::rules
