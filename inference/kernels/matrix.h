// Matrices of weights in panels (kernels.h).
#pragma once

#include <memory>

#include "inference/kernels/packing.h"
#include "inference/kernels/panel_memory.h"
#include "inference/kernels/vectors.h"
#include "libattest/model/gguf.h"

namespace attest::inference {

// MatrixRoom is where a matrix's rows go. It stays good where the Matrix is moved, not beyond it.
struct MatrixRoom {
  const Packing* packing;
  std::uint8_t* panels;
  std::size_t units;
  std::size_t row_bytes;
  std::size_t rows;

  // pack puts whole rows, from `first` on, in their places: panels of sixteen, or the last of the
  // matrix. Several threads may pack other rows of one matrix at once. Weights that are not finite
  // are refused (rules::matrix_not_finite).
  Status pack(std::size_t first, ByteView rows_of_file) const;
};

// Matrix holds the weights of one tensor, repacked. Immutable once its rows are in.
class Matrix {
 public:
  // check_type refuses a type that the profile does not cover (rules::matrix_type).
  static Status check_type(const model::GgufTensor& tensor);
  // A Matrix with room for a tensor's rows in `arena`, which it keeps, once check_type passed.
  static Result<Matrix> with_room_for(const model::GgufTensor& tensor,
                                      std::shared_ptr<PanelArena> arena);
  // pack takes a tensor's bytes as GGUF stores them: with_room_for and packing of all rows.
  static Result<Matrix> pack(const model::GgufTensor& tensor, ByteView data);

  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return rows_; }
  model::TensorType type() const { return packing_->type; }
  // bytes that the panels take; row_bytes of one row in the file; file_bytes of all.
  std::size_t bytes() const { return panel_count() * panel_bytes(); }
  std::size_t row_bytes() const { return units() * packing_->unit_bytes; }
  std::size_t file_bytes() const { return rows_ * row_bytes(); }

  MatrixRoom room();

  // Product is y[t] = W x[t]; y has rows() elements a vector.
  struct Product {
    const Matrix* matrix;
    Vectors* y;
  };
  // multiply computes products of one input together.
  static void multiply(std::span<const Product> products, MatrixInput& x, const Machine& machine);
  void multiply(MatrixInput& x, Vectors& y, const Machine& machine) const;

  // row gives row `i` as floats: the embedding of a token.
  void row(std::size_t i, std::span<float> out) const;

 private:
  Matrix(const Packing& packing, std::size_t columns, std::size_t rows,
         std::shared_ptr<PanelArena> arena);
  std::size_t units() const { return columns_ / packing_->unit_columns; }
  std::size_t panel_bytes() const { return packing_->panel_bytes(units()); }
  std::size_t panel_count() const { return (rows_ + panel_rows - 1) / panel_rows; }
  std::span<const Tile> tiles(MatrixInput& x, const Machine& machine) const;
  void multiply_panels(std::size_t first, std::size_t count, std::span<const Tile> tiles,
                       Vectors& y, const Kernels& kernels) const;

  const Packing* packing_;
  std::size_t columns_;
  std::size_t rows_;
  std::shared_ptr<PanelArena> arena_;
  std::uint8_t* panels_;  // in the arena
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule matrix_type{"inference.matrix.type"};
}
