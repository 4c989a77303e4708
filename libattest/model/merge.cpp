#include "libattest/model/merge.h"

#include <bit>
#include <cmath>
#include <map>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/model/half.h"
#include "libattest/model/safetensors.h"

namespace attest::model {

namespace {

std::unexpected<Error> bad_inputs(std::string what, const std::string& where) {
  return fail(refused(rules::merge_inputs, std::move(what)).within(printable(where)));
}

std::unexpected<Error> bad_adapter(std::string what, const std::string& where) {
  return fail(refused(rules::merge_adapter, std::move(what)).within(printable(where)));
}

// Weights is a tensor's data with its type and shape; rows and columns where it is a matrix.
struct Weights {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  ByteView data;

  std::size_t width() const { return dtype == "F32" ? 4 : 2; }
  std::size_t size() const { return data.size() / width(); }
  bool same_form(const Weights& other) const {
    return dtype == other.dtype && shape == other.shape;
  }
  bool is_matrix(std::uint64_t rows, std::uint64_t columns) const {
    return shape == std::vector<std::uint64_t>{rows, columns};
  }

  float at(std::size_t index) const {
    const ByteView bytes = data.subspan(index * width(), width());
    std::uint32_t bits = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      bits = bits << 8 | std::to_integer<std::uint32_t>(bytes[i]);
    if (dtype == "F32") return std::bit_cast<float>(bits);
    if (dtype == "BF16") return std::bit_cast<float>(bits << 16);
    return f32_from_f16(static_cast<std::uint16_t>(bits));
  }
};

using Model = std::map<std::string, Weights>;

std::uint16_t bf16_from_f32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// append_as refuses what the type cannot hold as a finite number.
Status append_as(Bytes& out, const std::string& dtype, float value, const std::string& where) {
  if (!std::isfinite(value))
    return fail(
        refused(rules::merge_value, "a merged weight is not finite").within(printable(where)));
  if (dtype == "F32") {
    append_u32_le(out, std::bit_cast<std::uint32_t>(value));
    return {};
  }
  const bool brain = dtype == "BF16";
  const std::uint16_t stored = brain ? bf16_from_f32(value) : f16_from_f32(value);
  const std::uint16_t exponent = brain ? 0x7f80 : 0x7c00;
  if ((stored & exponent) == exponent)
    return fail(refused(rules::merge_value, "a merged weight is too large for " + dtype)
                    .within(printable(where)));
  append_u16_le(out, stored);
  return {};
}

Result<Model> read_model(ByteView file) {
  TRY(const Safetensors parsed, parse_safetensors(file));
  Model model;
  for (const SafetensorsTensor& tensor : parsed.tensors) {
    if (tensor.dtype != "F32" && tensor.dtype != "F16" && tensor.dtype != "BF16")
      return bad_inputs("tensors of type " + printable(tensor.dtype, 20) + " are not merged",
                        tensor.name);
    model.emplace(tensor.name,
                  Weights{tensor.dtype, tensor.shape, file.subspan(tensor.offset, tensor.size)});
  }
  return model;
}

struct Merged {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  Bytes data;
};

Bytes write_model(const std::map<std::string, Merged>& tensors) {
  OrderedJson header = OrderedJson::object();
  std::uint64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::uint64_t end = begin + tensor.data.size();
    header[name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = to_line(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  Bytes file;
  append_u64_le(file, text.size());
  append(file, as_bytes(text));
  for (const auto& [name, tensor] : tensors) append(file, tensor.data);
  return file;
}

Result<float> number_in(const Json& configuration, const char* name) {
  const auto found = configuration.find(name);
  if (found == configuration.end() || !found->is_number())
    return bad_adapter("the configuration does not say \"" + std::string(name) + "\"", name);
  const auto value = found->get<float>();
  if (!std::isfinite(value)) return bad_adapter("not a finite number", name);
  return value;
}

// Members that make the sum another one, and what they must be for the plain one.
Status check_plain(const Json& configuration) {
  const auto is_nothing = [](const Json& value) {
    return value.is_null() || value == false || value == "none" ||
           (value.is_structured() && value.empty());
  };
  for (const char* name : {"rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "bias",
                           "modules_to_save", "fan_in_fan_out", "lora_bias"}) {
    const auto found = configuration.find(name);
    if (found != configuration.end() && !is_nothing(*found))
      return bad_adapter("this adapter means another sum than W + s·B·A", name);
  }
  return {};
}

struct Pair {
  const Weights* a = nullptr;
  const Weights* b = nullptr;
};

Result<std::map<std::string, Pair>> pairs_of(const Model& adapter) {
  constexpr std::string_view prefix = "base_model.model.";
  constexpr std::string_view end_a = ".lora_A.weight";
  constexpr std::string_view end_b = ".lora_B.weight";
  std::map<std::string, Pair> pairs;
  for (const auto& [name, weights] : adapter) {
    const bool is_a = name.ends_with(end_a);
    if (!name.starts_with(prefix) || (!is_a && !name.ends_with(end_b)) ||
        name.size() <= prefix.size() + end_a.size())
      return bad_adapter("a tensor is no part of a plain LoRA adapter", name);
    Pair& pair =
        pairs[name.substr(prefix.size(), name.size() - prefix.size() - end_a.size()) + ".weight"];
    (is_a ? pair.a : pair.b) = &weights;
  }
  return pairs;
}

Result<Merged> add_adapter(const Weights& base, const Pair& pair, float rank, float alpha,
                           const std::string& name) {
  if (pair.a == nullptr || pair.b == nullptr || base.shape.size() != 2 || pair.a->shape.size() != 2)
    return bad_adapter("an adapter's matrices do not fit their base", name);
  const std::uint64_t rows = base.shape[0];
  const std::uint64_t columns = base.shape[1];
  const std::uint64_t inner = pair.a->shape[0];
  if (!pair.a->is_matrix(inner, columns) || !pair.b->is_matrix(rows, inner) ||
      static_cast<float>(inner) != rank)
    return bad_adapter("an adapter's matrices do not fit their base", name);
  const float scale = alpha / rank;
  Merged merged{base.dtype, base.shape, {}};
  std::vector<float> row(columns);
  for (std::uint64_t i = 0; i < rows; ++i) {
    row.assign(columns, 0.0F);
    for (std::uint64_t k = 0; k < inner; ++k) {
      const float b = pair.b->at(i * inner + k);
      for (std::uint64_t j = 0; j < columns; ++j) row[j] = row[j] + b * pair.a->at(k * columns + j);
    }
    for (std::uint64_t j = 0; j < columns; ++j)
      TRY_VOID(append_as(merged.data, base.dtype, base.at(i * columns + j) + scale * row[j], name));
  }
  return merged;
}

}  // namespace

Result<Bytes> merge_linear(std::span<const Bytes> files, std::span<const float> weights) {
  if (files.size() < 2 || files.size() != weights.size())
    return bad_inputs("a merge has two files or more, and a weight for each", "files");
  for (const float weight : weights)
    if (!std::isfinite(weight)) return bad_inputs("a weight is not finite", "weights");
  std::vector<Model> models;
  for (const Bytes& file : files) {
    TRY(Model model, read_model(file));
    models.push_back(std::move(model));
  }
  for (const Model& model : models)
    if (model.size() != models.front().size())
      return bad_inputs("the files do not hold the same tensors", "files");
  std::map<std::string, Merged> merged;
  for (const auto& [name, first] : models.front()) {
    std::vector<const Weights*> inputs;
    for (const Model& model : models) {
      const auto found = model.find(name);
      if (found == model.end() || !found->second.same_form(first))
        return bad_inputs("the files do not hold the same tensors", name);
      inputs.push_back(&found->second);
    }
    Merged tensor{first.dtype, first.shape, {}};
    for (std::size_t i = 0; i < first.size(); ++i) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < inputs.size(); ++k) sum = sum + weights[k] * inputs[k]->at(i);
      TRY_VOID(append_as(tensor.data, first.dtype, sum, name));
    }
    merged.emplace(name, std::move(tensor));
  }
  return write_model(merged);
}

Result<Bytes> merge_lora(ByteView base, ByteView adapter, std::string_view adapter_config) {
  TRY_WITHIN("adapter_config.json", const Json configuration, parse_json(adapter_config));
  if (!configuration.is_object()) return bad_adapter("the configuration is no object", "");
  TRY(const float rank, number_in(configuration, "r"));
  TRY(const float alpha, number_in(configuration, "lora_alpha"));
  if (!(rank >= 1)) return bad_adapter("the rank is below 1", "r");
  TRY_VOID(check_plain(configuration));
  TRY_WITHIN("base", const Model weights, read_model(base));
  TRY_WITHIN("adapter", const Model parts, read_model(adapter));
  TRY(const auto pairs, pairs_of(parts));
  std::map<std::string, Merged> merged;
  for (const auto& [name, tensor] : weights)
    if (!pairs.contains(name))
      merged.emplace(name, Merged{tensor.dtype, tensor.shape, to_bytes(tensor.data)});
  for (const auto& [name, pair] : pairs) {
    const auto target = weights.find(name);
    if (target == weights.end()) return bad_adapter("the base has no such tensor", name);
    TRY(Merged tensor, add_adapter(target->second, pair, rank, alpha, name));
    merged.emplace(name, std::move(tensor));
  }
  return write_model(merged);
}

}  // namespace attest::model
