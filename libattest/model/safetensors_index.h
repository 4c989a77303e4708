// The index of a model in several safetensors files, "model.safetensors.index.json":
//
//   {"metadata": {"total_size": bytes of all tensors, …}, "weight_map": {TENSOR: FILE, …}}
//
// FILE is the name of a file beside the index: not a path.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "libattest/model/safetensors.h"

namespace attest::model {

struct SafetensorsIndex {
  std::map<std::string, std::string> weight_map;
  std::optional<std::uint64_t> total_size;

  std::set<std::string> files() const;
};

// parse_safetensors_index refuses JSON that is not strict, a missing or empty weight_map, a FILE
// that is a path, is hidden or does not end in ".safetensors", and a total_size that is no whole
// number. Other members are passed over.
Result<SafetensorsIndex> parse_safetensors_index(std::string_view json);

// check_shards checks the index against the files it names, in this order:
//   - each file it names is among `shards` (rules::shards_missing);
//   - each tensor of each file is mapped, to that file (rules::shards_map);
//   - each tensor it maps is in the file it maps it to (rules::shards_map);
//   - total_size, where it is given, is the sum of all tensors (rules::shards_total_size).
Status check_shards(const SafetensorsIndex& index,
                    const std::map<std::string, Safetensors>& shards);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule shards_index{"model.shards.index"};
inline constexpr Rule shards_file_name{"model.shards.file-name"};
inline constexpr Rule shards_missing{"model.shards.missing"};
inline constexpr Rule shards_map{"model.shards.map"};
inline constexpr Rule shards_total_size{"model.shards.total-size"};
}  // namespace attest::rules
