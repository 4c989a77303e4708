// GGUF versions 1 to 3, little-endian: the container of weights and vocabularies.
//
// parse_gguf reads header, key-values and tensor descriptions from the front of a file, of which
// no more than those needs to be at hand; the tensors' data is described, not touched. The reader
// is strict: two programs that accept a file must see the same model in it, and nothing else may
// hide there. A Gguf is a plain value that owns what it holds.
//
// parse_gguf checks, in this order:
//   - magic, version 1 to 3 (a byte-swapped version is named as such);
//   - both counts against the bytes that are left, before anything is allocated;
//   - keys: 1 to 65,535 bytes of a-z 0-9 _ . -, none twice;
//   - value types 0 to 12, booleans 0 or 1, strings UTF-8, arrays one level deep and no longer than
//     the bytes that are left;
//   - general.alignment: u32, a power of two from 1 to 65,536, 32 where absent;
//   - tensor names: 1 to 63 bytes of UTF-8, none twice;
//   - 1 to 4 dimensions, none zero, their product and the size in bytes within 63 bits, rows a
//   whole
//     number of blocks, types known;
//   - offsets: the first is 0, each next where the one before ends, padded to the alignment;
//   - the file ends with the last tensor, or with its padding; padding bytes that are at hand are
//   0;
//   - what keys say of each other: tokenizer arrays of the right types and of one length, special
//     token ids within the vocabulary, general.base_model.count truthful.
// Not checked: values of tensors, keys of an architecture (the runtime's business), padding bytes
// beyond the given front of the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/file.h"
#include "libattest/base/result.h"
#include "libattest/model/tensor_type.h"

namespace attest::model {

enum class GgufType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};
std::string_view to_string(GgufType type);

// GgufArray holds the elements in the widest form of their kind; `type` says how they are stored.
// Booleans are unsigned 0 and 1.
struct GgufArray {
  using Elements = std::variant<std::vector<std::uint64_t>, std::vector<std::int64_t>,
                                std::vector<double>, std::vector<std::string>>;
  GgufType type;
  Elements elements;

  std::size_t size() const;
  const std::vector<std::string>* strings() const {
    return std::get_if<std::vector<std::string>>(&elements);
  }
  const std::vector<double>* numbers() const { return std::get_if<std::vector<double>>(&elements); }
};

// GgufValue holds a value in the widest form of its kind.
struct GgufValue {
  using Content = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, GgufArray>;
  GgufType type;
  Content content;
};

// GgufEntry is one key-value. `raw` is its whole encoding in the file, for programs that copy it.
struct GgufEntry {
  std::string key;
  GgufValue value;
  Bytes raw;
};

struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t> dimensions;  // the contiguous one first
  TensorType type;
  std::uint64_t offset;  // from the start of the file
  std::uint64_t size;    // in bytes, without padding

  std::uint64_t columns() const { return dimensions.front(); }
  std::uint64_t rows() const;  // the product of all other dimensions
};

class Gguf {
 public:
  std::uint32_t version() const { return version_; }
  std::uint32_t alignment() const { return alignment_; }
  std::uint64_t data_offset() const { return data_offset_; }
  const std::vector<GgufEntry>& entries() const { return entries_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }

  // find gives nullptr where the key is absent.
  const GgufValue* find(std::string_view key) const;
  const GgufTensor* find_tensor(std::string_view name) const;
  // tensor_at gives the tensor whose bytes hold `file_offset`, or nullptr.
  const GgufTensor* tensor_at(std::uint64_t file_offset) const;
  // region_at names what lies at `file_offset`: "tensor blk.3.ffn_up.weight", "header", "padding".
  std::string region_at(std::uint64_t file_offset) const;

  // Each getter refuses an absent key (rules::gguf_key_missing) and another type
  // (rules::gguf_key_type). unsigned_integer takes any integer type that holds no negative.
  Result<std::uint64_t> unsigned_integer(std::string_view key) const;
  Result<double> number(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::string> text(std::string_view key) const;
  Result<const GgufArray*> array(std::string_view key, GgufType element) const;
  // The …_or forms give `absent` where the key is absent.
  Result<std::uint64_t> unsigned_or(std::string_view key, std::uint64_t absent) const;
  Result<double> number_or(std::string_view key, double absent) const;
  Result<bool> boolean_or(std::string_view key, bool absent) const;
  Result<std::string> text_or(std::string_view key, std::string absent) const;

 private:
  friend class GgufParser;
  std::uint32_t version_ = 0;
  std::uint32_t alignment_ = 32;
  std::uint64_t data_offset_ = 0;
  std::vector<GgufEntry> entries_;
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string, std::size_t> entry_by_key_;
  std::unordered_map<std::string, std::size_t> tensor_by_name_;
};

// parse_gguf reads a file of `file_size` bytes of which `front` are the first. Where `front` is a
// true part and the description goes on behind it, the answer is incomplete by
// rules::gguf_front_too_short: read more and call again.
Result<Gguf> parse_gguf(ByteView front, std::uint64_t file_size);
inline Result<Gguf> parse_gguf(ByteView whole) {
  return parse_gguf(whole, whole.size());
}

// read_gguf reads as much of the front of a file as its description takes, at most `limit` bytes.
Result<Gguf> read_gguf(File& file, std::uint64_t limit = 512U << 20);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule gguf_magic{"model.gguf.magic"};
inline constexpr Rule gguf_version{"model.gguf.version"};
inline constexpr Rule gguf_truncated{"model.gguf.truncated"};
inline constexpr Rule gguf_front_too_short{"model.gguf.front-too-short"};
inline constexpr Rule gguf_count{"model.gguf.count"};
inline constexpr Rule gguf_key{"model.gguf.key"};
inline constexpr Rule gguf_key_twice{"model.gguf.key-twice"};
inline constexpr Rule gguf_value_type{"model.gguf.value-type"};
inline constexpr Rule gguf_boolean{"model.gguf.boolean"};
inline constexpr Rule gguf_utf8{"model.gguf.utf8"};
inline constexpr Rule gguf_nested_array{"model.gguf.nested-array"};
inline constexpr Rule gguf_alignment{"model.gguf.alignment"};
inline constexpr Rule gguf_tensor_name{"model.gguf.tensor-name"};
inline constexpr Rule gguf_tensor_twice{"model.gguf.tensor-twice"};
inline constexpr Rule gguf_dimensions{"model.gguf.dimensions"};
inline constexpr Rule gguf_tensor_type{"model.gguf.tensor-type"};
inline constexpr Rule gguf_row{"model.gguf.row"};
inline constexpr Rule gguf_size{"model.gguf.size"};
inline constexpr Rule gguf_offset{"model.gguf.offset"};
inline constexpr Rule gguf_past_end{"model.gguf.past-end"};
inline constexpr Rule gguf_trailing{"model.gguf.trailing"};
inline constexpr Rule gguf_padding{"model.gguf.padding"};
inline constexpr Rule gguf_tokenizer{"model.gguf.tokenizer"};
inline constexpr Rule gguf_base_models{"model.gguf.base-models"};
inline constexpr Rule gguf_key_missing{"model.gguf.key-missing"};
inline constexpr Rule gguf_key_type{"model.gguf.key-type"};
}  // namespace attest::rules
