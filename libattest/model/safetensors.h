// safetensors: a JSON header that describes tensors, and their data behind it.
//
//   u64 little-endian N | N bytes of JSON | data
//   JSON: {"__metadata__": {text: text, …}, NAME: {"dtype", "shape", "data_offsets": [begin, end]},
//   …}
//
// parse_safetensors reads the header from the front of a file, of which no more than that needs to
// be at hand. Two programs that accept a file must see the same tensors in it, and nothing else may
// hide there. A Safetensors is a plain value that owns what it holds.
//
// parse_safetensors checks, in this order:
//   - N is at least 2, at most 100,000,000, and within the file;
//   - the header begins with '{', is strict JSON (UTF-8, no member twice, also not through
//   escapes),
//     and nothing but spaces follows it;
//   - __metadata__ maps text to text;
//   - each tensor has dtype, shape and data_offsets and nothing else; a known dtype; a shape of
//     whole numbers whose product and size in bytes fit 63 bits; as many bytes as both ask for;
//   - in the order of their offsets, each tensor begins where the one before ends, the first at 0,
//     and the last ends where the file does. That rules out overlaps, holes and trailing bytes.
// Not checked: what the tensors hold.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/file.h"
#include "libattest/base/result.h"

namespace attest::model {

inline constexpr std::uint64_t max_safetensors_header = 100'000'000;

struct SafetensorsTensor {
  std::string name;
  std::string dtype;                 // as the format writes it: "F32", "BF16", "F8_E4M3", …
  std::vector<std::uint64_t> shape;  // the contiguous dimension last; empty for a scalar
  std::uint64_t offset = 0;          // from the start of the file
  std::uint64_t size = 0;            // in bytes

  std::uint64_t elements() const;
};

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsTensor> tensors;  // in the order of their data
  std::uint64_t data_offset = 0;           // where data begins, from the start of the file
  std::uint64_t file_size = 0;

  // find gives nullptr where no tensor has that name.
  const SafetensorsTensor* find(std::string_view name) const;
};

// dtype_bits gives the bits an element of a dtype takes, 0 for one that is unknown.
unsigned dtype_bits(std::string_view dtype);

// parse_safetensors reads a file of `file_size` bytes of which `front` are the first. Where the
// header goes on behind a front that is a true part, the answer is incomplete by
// rules::safetensors_front_too_short.
Result<Safetensors> parse_safetensors(ByteView front, std::uint64_t file_size);
inline Result<Safetensors> parse_safetensors(ByteView whole) {
  return parse_safetensors(whole, whole.size());
}

// read_safetensors reads exactly the header of a file.
Result<Safetensors> read_safetensors(File& file);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule safetensors_truncated{"model.safetensors.truncated"};
inline constexpr Rule safetensors_front_too_short{"model.safetensors.front-too-short"};
inline constexpr Rule safetensors_header_size{"model.safetensors.header-size"};
inline constexpr Rule safetensors_header{"model.safetensors.header"};
inline constexpr Rule safetensors_metadata{"model.safetensors.metadata"};
inline constexpr Rule safetensors_tensor{"model.safetensors.tensor"};
inline constexpr Rule safetensors_dtype{"model.safetensors.dtype"};
inline constexpr Rule safetensors_shape{"model.safetensors.shape"};
inline constexpr Rule safetensors_size{"model.safetensors.size"};
inline constexpr Rule safetensors_offsets{"model.safetensors.offsets"};
inline constexpr Rule safetensors_end{"model.safetensors.end"};
}  // namespace attest::rules
