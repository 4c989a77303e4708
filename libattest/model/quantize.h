// Quantising a GGUF file, specified to the bit: the same source gives the same file everywhere, so
// that a quantised model's descent can be proven by doing it again.
//
// quantize_gguf(source, T) makes version 3 of it thus:
//   - a tensor of type F32, F16 or BF16 with two or more dimensions is a matrix. It becomes T, but
//     where T is Q4_0, Q4_K or Q5_K, the matrix that gives the logits becomes Q6_K: output.weight,
//     or token_embd.weight where there is none. Where rows are no whole number of blocks of that
//     type, it becomes Q8_0; where they are no whole number of those, it is copied;
//   - every other tensor is copied;
//   - key-values are copied in order, but general.file_type becomes T's number (u32: Q4_0 2, Q8_0
//   7,
//     Q4_K 14, Q5_K 16, Q6_K 18) and general.quantization_version 2 (u32); where absent they are
//     added at the end, in this order;
//   - alignment, names, order and dimensions stay.
// How a row becomes Q8_0 and Q4_0: quantize_runs.h; Q4_K, Q5_K and Q6_K: quantize_k.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/executor.h"
#include "libattest/model/tensor_type.h"

namespace attest::model {

// quantization_named knows "q8_0", "q4_0", "q4_k", "q5_k" and "q6_k": what {"to": NAME} may say.
std::optional<TensorType> quantization_named(std::string_view name);
std::string quantization_name(TensorType type);

// quantize_gguf performs the edge "quantize" {"to": NAME} on a whole file, parsed strictly first.
// `executor` gets rows; what comes out does not depend on it.
Result<Bytes> quantize_gguf(ByteView source, TensorType to = TensorType::q8_0,
                            const Executor& executor = serially);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule quantize_type{"model.quantize.type"};
}
