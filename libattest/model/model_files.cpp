#include "libattest/model/model_files.h"

#include "libattest/base/text.h"
#include "libattest/model/safetensors_index.h"

namespace attest::model {

namespace {

constexpr const char* index_name = "model.safetensors.index.json";

Status add_weights(const Safetensors& parsed, ByteView file, WeightMap& weights) {
  for (const SafetensorsTensor& tensor : parsed.tensors) {
    const auto type = float_type(tensor.dtype);
    if (!type)
      return fail(refused(rules::weights_type, "weights of this type are not computed with")
                      .expected("F32, F16 or BF16")
                      .found(printable(tensor.dtype, 20))
                      .within(printable(tensor.name)));
    weights.emplace(tensor.name,
                    StoredWeights{*type, tensor.shape, file.subspan(tensor.offset, tensor.size)});
  }
  return {};
}

Result<WeightMap> read_sharded(const ModelFiles& files, ByteView index_bytes) {
  TRY_WITHIN(index_name, const SafetensorsIndex index,
             parse_safetensors_index(as_text(index_bytes)));
  std::map<std::string, Safetensors> shards;
  for (const std::string& name : index.files()) {
    const auto file = files.find(name);
    if (file == files.end()) continue;  // check_shards says so
    TRY_WITHIN(printable(name), Safetensors shard, parse_safetensors(file->second));
    shards.emplace(name, std::move(shard));
  }
  if (auto whole = check_shards(index, shards); !whole)
    return fail(std::move(whole).error().within(index_name));
  WeightMap weights;
  for (const auto& [name, shard] : shards) TRY_VOID(add_weights(shard, files.at(name), weights));
  return weights;
}

}  // namespace

Result<WeightMap> read_weights(const ModelFiles& files) {
  if (const auto index = files.find(index_name); index != files.end())
    return read_sharded(files, index->second);
  std::vector<std::string> named;
  for (const auto& [name, file] : files)
    if (files.size() == 1 || name.ends_with(".safetensors")) named.push_back(name);
  if (named.size() != 1)
    return fail(refused(rules::weights_files, "the weights are not in one file")
                    .expected("one .safetensors file, or model.safetensors.index.json")
                    .found(std::to_string(named.size()) + " .safetensors files and no index"));
  const ByteView file = files.at(named.front());
  TRY_WITHIN(printable(named.front()), const Safetensors parsed, parse_safetensors(file));
  WeightMap weights;
  TRY_VOID(add_weights(parsed, file, weights));
  return weights;
}

}  // namespace attest::model
