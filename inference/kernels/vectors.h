// Vectors of floats, and the forms in which matrices are multiplied with them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inference/kernels/machine.h"

namespace attest::inference {

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

// MatrixInput is what several matrices are multiplied with: vectors in tiles, in the form that
// a matrix's type wants, made once when the first of them asks. It borrows the vectors.
class MatrixInput {
 public:
  MatrixInput() = default;
  explicit MatrixInput(const Vectors& x) { begin(x); }
  // begin forgets the forms that were made and borrows other vectors.
  void begin(const Vectors& x);

  const Vectors& vectors() const { return *x_; }
  // Tiles in each form. A call makes the form where it is not there; not from within a task.
  std::span<const Tile> floats();
  std::span<const Tile> runs(const Machine& machine);    // Q8_0, Q4_0
  std::span<const Tile> blocks(const Machine& machine);  // K types

 private:
  struct Quantised {
    std::vector<Tile> tiles;  // none until it was made
    std::vector<std::int8_t> values;
    std::vector<float> scales;
    std::vector<std::int32_t> sums;
  };
  void quantise_runs(std::size_t t, const Kernels& kernels);
  void quantise_blocks(std::size_t t, const Kernels& kernels);

  const Vectors* x_ = nullptr;
  std::vector<Tile> floats_;
  Quantised runs_;
  Quantised blocks_;
};

}  // namespace attest::inference
