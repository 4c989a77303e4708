// How rows of weights, as GGUF stores them, lie in panels (kernels.h), and single weights come out
// again. Pure functions.
#pragma once

#include <span>

#include "inference/kernels/kernels.h"
#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/tensor_type.h"

namespace attest::inference {

// Packing says how one tensor type is stored and multiplied.
struct Packing {
  model::TensorType type;
  std::size_t unit_columns;      // of a panel that lie together: 1, 32 or 256
  std::size_t unit_bytes;        // of a row in the file
  std::size_t panel_unit_bytes;  // of 16 rows in a panel
  PanelKernel Kernels::* kernel;
};

// find_packing gives nullptr for a type that the profile does not cover.
const Packing* find_packing(model::TensorType type);

// pack_row puts one row into lane `lane` of a panel. A weight or scale that is not finite is
// refused (rules::matrix_not_finite).
Status pack_row(const Packing& packing, ByteView row, std::uint8_t* panel, std::size_t lane);

// unpack_row gives the row in lane `lane` as floats (exact.h, "Single weights").
void unpack_row(const Packing& packing, const std::uint8_t* panel, std::size_t lane,
                std::span<float> out);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule matrix_not_finite{"inference.matrix.not-finite"};
}
