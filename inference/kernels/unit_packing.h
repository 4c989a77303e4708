// Each tensor type's own way from sixteen rows of a file into a panel (kernels.h), and that of one
// weight out of it.
#pragma once

#include "inference/kernels/transposition.h"

namespace attest::inference {

// PackUnits fills a panel with `units` units of each row: their weights, and their scales. False
// where a weight or scale is not finite; the panel is then worth nothing.
using PackUnits = bool (*)(Rows rows, std::size_t units, std::uint8_t* weights,
                           std::uint8_t* scales);
// WeightAt gives weight k of one unit in lane `lane` as a float (exact.h, "Single weights").
using WeightAt = float (*)(const std::uint8_t* weights, const std::uint8_t* scales,
                           std::size_t lane, std::size_t k);

struct UnitPacking {
  PackUnits pack;
  WeightAt at;
};

// F32, F16, BF16: units are columns.
extern const UnitPacking f32_packing, f16_packing, bf16_packing;
// Runs of 32 columns.
extern const UnitPacking q8_0_packing, q4_0_packing, q4_1_packing, q5_0_packing, q5_1_packing,
    mxfp4_packing;
// Blocks of 256 columns.
extern const UnitPacking q4_k_packing, q5_k_packing, q6_k_packing;

}  // namespace attest::inference
