// Floats as model files store them, little-endian: F32, F16 and BF16. Reading is exact; writing
// rounds to nearest, ties to even. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/model/tensor_type.h"

namespace attest::model {

// float_type gives the type for "F32", "F16" or "BF16", as safetensors call them, and for no other.
std::optional<TensorType> float_type(std::string_view dtype);
// is_float tells the three from all other types.
bool is_float(TensorType type);
// float_width gives the bytes an element takes.
std::size_t float_width(TensorType type);

// float_at reads element `index` of `data`, which must reach that far.
float float_at(TensorType type, ByteView data, std::size_t index);
// floats_of reads all of `data`, whole elements.
std::vector<float> floats_of(TensorType type, ByteView data);

// append_float writes `value`; false where the type holds it as no finite number, and then nothing
// is written.
bool append_float(Bytes& to, TensorType type, float value);

}  // namespace attest::model
