// A model as its files by their names, and the weights in them: what operations on whole models
// take.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/stored_float.h"

namespace attest::model {

// ModelFiles are a directory's files by their names, or the one file that a model is. They borrow.
using ModelFiles = std::map<std::string, ByteView>;

// StoredWeights is a tensor as a safetensors file holds it: the contiguous dimension is the last.
struct StoredWeights {
  TensorType type;  // F32, F16 or BF16
  std::vector<std::uint64_t> shape;
  ByteView data;

  std::size_t size() const { return data.size() / float_width(type); }
  float at(std::size_t index) const { return float_at(type, data, index); }
  bool same_form(const StoredWeights& other) const {
    return type == other.type && shape == other.shape;
  }
  bool is_matrix(std::uint64_t rows, std::uint64_t columns) const {
    return shape == std::vector{rows, columns};
  }
};
using WeightMap = std::map<std::string, StoredWeights>;

// read_weights reads all tensors of a model's safetensors files, which it borrows: of the files
// that model.safetensors.index.json names, where there is one (check_shards), and otherwise of the
// only file whose name ends in ".safetensors", or of the only file. Refused: no such file or more
// than one (rules::weights_files), a type other than F32, F16 and BF16 (rules::weights_type), and
// what the readers refuse.
Result<WeightMap> read_weights(const ModelFiles& files);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule weights_files{"model.weights.files"};
inline constexpr Rule weights_type{"model.weights.type"};
}  // namespace attest::rules
