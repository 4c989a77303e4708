// IEEE 754 binary16 to and from binary32, to the bit, without the processor's help.
#pragma once

#include <cstdint>

namespace attest::model {

// f32_from_f16 is exact for every value, subnormals included.
float f32_from_f16(std::uint16_t half);
// f16_from_f32 rounds to nearest, ties to even; overflow gives infinity, NaN stays NaN.
std::uint16_t f16_from_f32(float value);

}  // namespace attest::model
