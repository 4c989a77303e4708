#include "libattest/model/merge.h"

#include <cmath>
#include <map>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

std::unexpected<Error> bad_inputs(std::string what, const std::string& where) {
  return fail(refused(rules::merge_inputs, std::move(what)).within(printable(where)));
}

std::unexpected<Error> bad_adapter(std::string what, const std::string& where) {
  return fail(refused(rules::merge_adapter, std::move(what)).within(printable(where)));
}

// append_as refuses what the type cannot hold as a finite number.
Status append_as(Bytes& out, TensorType type, float value, const std::string& where) {
  if (append_float(out, type, value)) return {};
  return fail(refused(rules::merge_value, "a merged weight is no finite number")
                  .expected("what " + std::string(to_string(type)) + " can hold")
                  .found(std::to_string(value))
                  .within(printable(where)));
}

struct Merged {
  TensorType type;
  std::vector<std::uint64_t> shape;
  Bytes data;
};

Bytes write_model(const std::map<std::string, Merged>& tensors) {
  OrderedJson header = OrderedJson::object();
  std::uint64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::uint64_t end = begin + tensor.data.size();
    header[name] = {
        {"dtype", to_string(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
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
  const StoredWeights* a = nullptr;
  const StoredWeights* b = nullptr;
};

Result<std::map<std::string, Pair>> pairs_of(const WeightMap& adapter) {
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

Result<Merged> add_adapter(const StoredWeights& base, const Pair& pair, float rank, float alpha,
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
  Merged merged{base.type, base.shape, {}};
  std::vector<float> row(columns);
  for (std::uint64_t i = 0; i < rows; ++i) {
    row.assign(columns, 0.0F);
    for (std::uint64_t k = 0; k < inner; ++k) {
      const float b = pair.b->at(i * inner + k);
      for (std::uint64_t j = 0; j < columns; ++j) row[j] = row[j] + b * pair.a->at(k * columns + j);
    }
    for (std::uint64_t j = 0; j < columns; ++j)
      TRY_VOID(append_as(merged.data, base.type, base.at(i * columns + j) + scale * row[j], name));
  }
  return merged;
}

// SameTensors are models that hold the same tensors in the same forms.
class SameTensors {
 public:
  static Result<SameTensors> read(std::span<const ModelFiles> models) {
    SameTensors same;
    for (const ModelFiles& files : models) {
      TRY_WITHIN("model " + std::to_string(same.models_.size() + 1), WeightMap model,
                 read_weights(files));
      same.models_.push_back(std::move(model));
    }
    for (const WeightMap& model : same.models_) {
      if (model.size() != same.models_.front().size())
        return bad_inputs("the models do not hold the same tensors", "models");
      for (const auto& [name, first] : same.models_.front()) {
        const auto found = model.find(name);
        if (found == model.end() || !found->second.same_form(first))
          return bad_inputs("the models do not hold the same tensors", name);
      }
    }
    return same;
  }

  // merge gives a file of each tensor merged by `elements`, which appends to the data.
  template <typename Elements>
  Result<Bytes> merge(Elements elements) const {
    std::map<std::string, Merged> merged;
    for (const auto& [name, first] : models_.front()) {
      std::vector<const StoredWeights*> inputs;
      for (const WeightMap& model : models_) inputs.push_back(&model.at(name));
      Merged tensor{first.type, first.shape, {}};
      TRY_VOID(elements(inputs, name, tensor.data));
      merged.emplace(name, std::move(tensor));
    }
    return write_model(merged);
  }

 private:
  std::vector<WeightMap> models_;
};

struct SlerpWeights {
  double first;
  double second;
};

SlerpWeights slerp_weights(const StoredWeights& x, const StoredWeights& y, double t) {
  double products = 0;
  double x_squares = 0;
  double y_squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double a = x.at(i);
    const double b = y.at(i);
    products = products + a * b;
    x_squares = x_squares + a * a;
    y_squares = y_squares + b * b;
  }
  constexpr double nearly_parallel = 0.9995;
  const double cosine = x_squares == 0 || y_squares == 0
                            ? 1.0
                            : products / (std::sqrt(x_squares) * std::sqrt(y_squares));
  if (!(std::fabs(cosine) <= nearly_parallel)) return {1 - t, t};
  const double sine = std::sqrt(1 - cosine * cosine);
  const auto bits = static_cast<std::uint64_t>(t * 0x1p32);
  double c = bits >> 32 != 0 ? cosine : 1;
  double s = bits >> 32 != 0 ? sine : 0;
  double half_cosine = cosine;
  double half_sine = sine;
  for (unsigned bit = 32; bit-- > 0;) {
    half_cosine = std::sqrt((1 + half_cosine) / 2);
    half_sine = half_sine / (2 * half_cosine);
    if ((bits >> bit & 1U) == 0) continue;
    const double turned = c * half_cosine - s * half_sine;
    s = s * half_cosine + c * half_sine;
    c = turned;
  }
  const double second = s / sine;
  return {c - cosine * second, second};
}

}  // namespace

Result<Bytes> merge_linear(std::span<const ModelFiles> models, std::span<const float> weights) {
  if (models.size() < 2 || models.size() != weights.size())
    return bad_inputs("a merge has two models or more, and a weight for each", "models");
  for (const float weight : weights)
    if (!std::isfinite(weight)) return bad_inputs("a weight is not finite", "weights");
  TRY(const SameTensors same, SameTensors::read(models));
  return same.merge([&](const auto& inputs, const std::string& name, Bytes& data) -> Status {
    for (std::size_t i = 0; i < inputs.front()->size(); ++i) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < inputs.size(); ++k) sum = sum + weights[k] * inputs[k]->at(i);
      TRY_VOID(append_as(data, inputs.front()->type, sum, name));
    }
    return {};
  });
}

Result<Bytes> merge_slerp(const ModelFiles& first, const ModelFiles& second, float t) {
  if (!(t >= 0 && t <= 1)) return bad_inputs("t does not lie within 0 to 1", "t");
  TRY(const SameTensors same, SameTensors::read(std::vector{first, second}));
  return same.merge([&](const auto& inputs, const std::string& name, Bytes& data) -> Status {
    const StoredWeights& x = *inputs[0];
    const StoredWeights& y = *inputs[1];
    const SlerpWeights by = slerp_weights(x, y, t);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double sum = by.first * x.at(i) + by.second * y.at(i);
      TRY_VOID(append_as(data, x.type, static_cast<float>(sum), name));
    }
    return {};
  });
}

Result<Bytes> merge_lora(const ModelFiles& base, const ModelFiles& adapter) {
  const auto said = adapter.find("adapter_config.json");
  if (said == adapter.end()) return bad_adapter("there is no configuration", "adapter_config.json");
  TRY_WITHIN("adapter_config.json", const Json configuration, parse_json(as_text(said->second)));
  if (!configuration.is_object()) return bad_adapter("the configuration is no object", "");
  TRY(const float rank, number_in(configuration, "r"));
  TRY(const float alpha, number_in(configuration, "lora_alpha"));
  if (!(rank >= 1)) return bad_adapter("the rank is below 1", "r");
  TRY_VOID(check_plain(configuration));
  TRY_WITHIN("base", const WeightMap weights, read_weights(base));
  TRY_WITHIN("adapter", const WeightMap parts, read_weights(adapter));
  TRY(const auto pairs, pairs_of(parts));
  std::map<std::string, Merged> merged;
  for (const auto& [name, tensor] : weights)
    if (!pairs.contains(name))
      merged.emplace(name, Merged{tensor.type, tensor.shape, to_bytes(tensor.data)});
  for (const auto& [name, pair] : pairs) {
    const auto target = weights.find(name);
    if (target == weights.end()) return bad_adapter("the base has no such tensor", name);
    TRY(Merged tensor, add_adapter(target->second, pair, rank, alpha, name));
    merged.emplace(name, std::move(tensor));
  }
  return write_model(merged);
}

}  // namespace attest::model
