// How rows of weights, as GGUF stores them, lie in panels (kernels.h), and single weights come out
// again. Pure functions.
#pragma once

#include <span>

#include "inference/kernels/kernels.h"
#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/tensor_type.h"

namespace attest::inference {

struct UnitPacking;

// Packing says how one tensor type is stored and multiplied.
struct Packing {
  model::TensorType type;
  std::size_t unit_columns;  // of a panel that lie together: 1, 32 or 256
  std::size_t unit_bytes;    // of a row in the file
  PanelUnit in_panel;        // of 16 rows
  PanelKernel Kernels::* kernel;
  const UnitPacking* of_unit;

  // scales_at is where a panel of so many units has its scales; panel_bytes how long it is: both
  // sections are whole lines of 64 bytes.
  std::size_t scales_at(std::size_t units) const {
    return (units * in_panel.weights + 63) / 64 * 64;
  }
  std::size_t panel_bytes(std::size_t units) const {
    return scales_at(units) + (units * in_panel.scales + 63) / 64 * 64;
  }
};

// find_packing gives nullptr for a type that the profile does not cover.
const Packing* find_packing(model::TensorType type);

// pack_panel fills a panel with rows of `units` units: sixteen, or fewer at the end of a matrix. A
// weight or scale that is not finite is refused (rules::matrix_not_finite).
Status pack_panel(const Packing& packing, std::size_t units, ByteView rows, std::uint8_t* panel);

// unpack_row gives the row in lane `lane` as floats (exact.h, "Single weights").
void unpack_row(const Packing& packing, std::size_t units, const std::uint8_t* panel,
                std::size_t lane, std::span<float> out);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule matrix_not_finite{"inference.matrix.not-finite"};
}
