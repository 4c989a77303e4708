// Writes GGUF version 3. The same calls give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/tensor_type.h"

namespace attest::model {

// GgufWriter gathers key-values and tensors in the order they are to have, then writes them.
class GgufWriter {
 public:
  explicit GgufWriter(std::uint32_t alignment = 32);

  void add_u32(std::string_view key, std::uint32_t value);
  void add_i32(std::string_view key, std::int32_t value);
  void add_u64(std::string_view key, std::uint64_t value);
  void add_f32(std::string_view key, float value);
  void add_boolean(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, const std::vector<std::string>& values);
  void add_f32s(std::string_view key, const std::vector<float>& values);
  void add_i32s(std::string_view key, const std::vector<std::int32_t>& values);
  // add_raw copies a key-value as another version 2 or 3 file has it (GgufEntry::raw).
  void add_raw(ByteView entry);

  // add_tensor takes the data in its stored form; dimensions have the contiguous one first.
  void add_tensor(std::string_view name, std::vector<std::uint64_t> dimensions, TensorType type,
                  Bytes data);
  void add_tensor_f32(std::string_view name, std::vector<std::uint64_t> dimensions,
                      const std::vector<float>& values);

  // finish gives the file, every tensor padded with zeros to the alignment. What a strict reader
  // would refuse is refused here, by that reader's rules. An alignment other than 32 is written as
  // general.alignment in front of all other keys.
  Result<Bytes> finish() const;

 private:
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dimensions;
    TensorType type;
    Bytes data;
  };
  void begin_entry(std::string_view key, std::uint32_t type);

  std::uint32_t alignment_;
  std::uint64_t entry_count_ = 0;
  bool has_alignment_ = false;
  Bytes entries_;
  std::vector<Tensor> tensors_;
};

}  // namespace attest::model
