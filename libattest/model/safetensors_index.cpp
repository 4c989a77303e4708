#include "libattest/model/safetensors_index.h"

#include <string_view>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr std::size_t max_index_size = 64U << 20;
constexpr std::size_t max_index_depth = 16;

bool is_shard_name(std::string_view name) {
  return name.ends_with(".safetensors") && !name.starts_with('.') &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

Result<std::optional<std::uint64_t>> read_total_size(const Json& whole) {
  const auto metadata = whole.find("metadata");
  if (metadata == whole.end()) return std::nullopt;
  if (!metadata->is_object()) return fail(refused(rules::shards_index, "metadata is no object"));
  const auto total = metadata->find("total_size");
  if (total == metadata->end()) return std::nullopt;
  if (!total->is_number_unsigned())
    return fail(refused(rules::shards_index, "total_size is no whole number")
                    .found(printable(to_line(*total), 40)));
  return total->get<std::uint64_t>();
}

}  // namespace

std::set<std::string> SafetensorsIndex::files() const {
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map) names.insert(file);
  return names;
}

Result<SafetensorsIndex> parse_safetensors_index(std::string_view json) {
  TRY(const Json whole, parse_json(json, {.size = max_index_size, .depth = max_index_depth}));
  const auto map = whole.is_object() ? whole.find("weight_map") : whole.end();
  if (!whole.is_object() || map == whole.end() || !map->is_object() || map->empty())
    return fail(refused(rules::shards_index, "the index has no weight_map"));
  SafetensorsIndex index;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !is_shard_name(file.get_ref<const std::string&>()))
      return fail(refused(rules::shards_file_name, "the index maps a tensor to no shard's name")
                      .expected("the name of a .safetensors file beside the index")
                      .found(printable(to_line(file), 80))
                      .within("tensor " + printable(tensor)));
    index.weight_map.emplace(tensor, file.get<std::string>());
  }
  TRY(index.total_size, read_total_size(whole));
  return index;
}

Status check_shards(const SafetensorsIndex& index,
                    const std::map<std::string, Safetensors>& shards) {
  for (const std::string& file : index.files())
    if (!shards.contains(file))
      return fail(refused(rules::shards_missing, "a file that the index names is not there")
                      .found(printable(file)));
  std::uint64_t total = 0;
  std::set<std::string_view> mapped;
  for (const auto& [file, shard] : shards)
    for (const SafetensorsTensor& tensor : shard.tensors) {
      const auto place = index.weight_map.find(tensor.name);
      if (place == index.weight_map.end() || place->second != file)
        return fail(
            refused(rules::shards_map, "a file holds a tensor that the index does not map to it")
                .found(printable(tensor.name))
                .within(printable(file)));
      mapped.insert(tensor.name);
      total += tensor.size;
    }
  for (const auto& [tensor, file] : index.weight_map)
    if (!mapped.contains(tensor))
      return fail(refused(rules::shards_map, "the index maps a tensor to a file without it")
                      .expected(printable(tensor))
                      .within(printable(file)));
  if (index.total_size && *index.total_size != total)
    return fail(refused(rules::shards_total_size, "total_size is not the size of all tensors")
                    .expected(std::to_string(total))
                    .found(std::to_string(*index.total_size)));
  return {};
}

}  // namespace attest::model
