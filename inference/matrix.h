// Matrices of weights in panels (kernels.h) and the vectors they are multiplied with.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "inference/executor.h"
#include "inference/kernels.h"
#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/gguf.h"

namespace attest::inference {

// Machine is what a computation runs on. None of it changes a bit of the answer.
struct Machine {
  Executor* executor;
  const Kernels* kernels = &best_kernels();
  std::size_t chunk = 64;  // positions that are computed together

  // each runs task(0) … task(count - 1) with the floating-point environment of the profile: round
  // to nearest even, subnormals kept.
  void each(std::size_t count, const std::function<void(std::size_t)>& task) const;
};

// Vectors is `count` vectors of `size` floats, each with room for whole panels.
class Vectors {
 public:
  Vectors(std::size_t count, std::size_t size);
  std::size_t count() const { return count_; }
  std::size_t size() const { return size_; }
  std::size_t stride() const { return stride_; }
  std::span<float> operator[](std::size_t i) {
    return std::span(values_).subspan(i * stride_, size_);
  }
  std::span<const float> operator[](std::size_t i) const {
    return std::span(values_).subspan(i * stride_, size_);
  }
  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }

 private:
  std::size_t count_;
  std::size_t size_;
  std::size_t stride_;
  std::vector<float> values_;
};

// MatrixInput is what several matrices are multiplied with; it quantises once, when the first of
// them wants that. It borrows the vectors.
class MatrixInput {
 public:
  explicit MatrixInput(const Vectors& x) : x_(&x) {}
  const Vectors& vectors() const { return *x_; }
  QuantisedInput quantised(const Machine& machine);

 private:
  const Vectors* x_;
  std::vector<std::int8_t> values_;
  std::vector<float> scales_;
  std::vector<std::int32_t> sums_;
};

// Matrix holds the weights of one tensor, repacked. Immutable.
class Matrix {
 public:
  // pack takes a tensor's bytes as GGUF stores them. A type that the profile does not cover is
  // refused (rules::matrix_type), and so are weights that are not finite
  // (rules::matrix_not_finite).
  static Result<Matrix> pack(const model::GgufTensor& tensor, ByteView data);

  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return rows_; }

  // multiply computes y[t] = W x[t]; y has rows() elements a vector.
  void multiply(MatrixInput& x, Vectors& y, const Machine& machine) const;
  // row gives row `i` as floats: the embedding of a token.
  void row(std::size_t i, std::span<float> out) const;

 private:
  Matrix(model::TensorType type, std::size_t columns, std::size_t rows);
  Status pack_row(std::size_t row, ByteView data);
  std::size_t panel_bytes() const;
  std::uint8_t* panel(std::size_t i) { return panels_.data() + i * panel_bytes(); }
  const std::uint8_t* panel(std::size_t i) const { return panels_.data() + i * panel_bytes(); }

  model::TensorType type_;
  std::size_t columns_;
  std::size_t rows_;
  std::vector<std::uint8_t> panels_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule matrix_type{"inference.matrix.type"};
inline constexpr Rule matrix_not_finite{"inference.matrix.not-finite"};
}  // namespace attest::rules
