#include "libattest/lineage/perform.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "libattest/base/text.h"
#include "libattest/model/convert.h"
#include "libattest/model/merge.h"
#include "libattest/model/quantize.h"

namespace attest::lineage {

namespace {

using Parents = std::span<const ParentFiles>;

// texts_of gives the parameters where exactly these are said, as texts and in this order.
std::optional<std::vector<std::string>> texts_of(const statement::Operation& operation,
                                                 std::vector<std::string_view> names) {
  if (operation.parameters.size() != names.size()) return std::nullopt;
  std::vector<std::string> texts;
  for (const std::string_view name : names) {
    const auto found = std::ranges::find_if(operation.parameters, [&](const auto& parameter) {
      const std::string* const key = parameter.first.as_text();
      return key != nullptr && *key == name;
    });
    if (found == operation.parameters.end()) return std::nullopt;
    const std::string* const text = found->second.as_text();
    if (text == nullptr) return std::nullopt;
    texts.push_back(*text);
  }
  return texts;
}

std::optional<float> number_in(std::string_view text) {
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<std::vector<float>> numbers_in(std::string_view text) {
  std::vector<float> numbers;
  for (const std::string_view part : split(text, ',')) {
    const auto number = number_in(part);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

bool all_bases(std::span<const std::string> roles) {
  return std::ranges::all_of(roles, [](const std::string& role) { return role == "base"; });
}

Result<ByteView> only_file(const ParentFiles& parent) {
  if (parent.files.size() == 1) return parent.files.begin()->second;
  return fail(refused(rules::perform_files, "this operation is on a model of one file")
                  .found(std::to_string(parent.files.size()) + " files"));
}

struct Quantize {
  model::TensorType to;
  static std::optional<Quantize> of(const statement::Operation& operation,
                                    std::span<const std::string> roles) {
    const auto texts = texts_of(operation, {"to"});
    if (operation.name != "quantize" || !texts || roles.size() != 1 || !all_bases(roles))
      return std::nullopt;
    const auto type = model::quantization_named(texts->front());
    if (!type) return std::nullopt;
    return Quantize{*type};
  }
  Result<Bytes> run(Parents parents, const model::Executor& executor) const {
    TRY(const ByteView source, only_file(parents.front()));
    return model::quantize_gguf(source, to, executor);
  }
};

struct Convert {
  static std::optional<Convert> of(const statement::Operation& operation,
                                   std::span<const std::string> roles) {
    const auto texts = texts_of(operation, {"to"});
    if (operation.name != "convert" || !texts || texts->front() != "gguf" || roles.size() != 1 ||
        !all_bases(roles))
      return std::nullopt;
    return Convert{};
  }
  static Result<Bytes> run(Parents parents, const model::Executor&) {
    return model::convert_to_gguf(parents.front().files);
  }
};

struct MergeLinear {
  std::vector<float> weights;
  static std::optional<MergeLinear> of(const statement::Operation& operation,
                                       std::span<const std::string> roles) {
    const auto texts = texts_of(operation, {"method", "weights"});
    if (operation.name != "merge" || !texts || texts->front() != "linear" || roles.size() < 2 ||
        !all_bases(roles))
      return std::nullopt;
    auto weights = numbers_in(texts->back());
    if (!weights || weights->size() != roles.size()) return std::nullopt;
    return MergeLinear{*std::move(weights)};
  }
  Result<Bytes> run(Parents parents, const model::Executor&) const {
    std::vector<model::ModelFiles> models;
    for (const ParentFiles& parent : parents) models.push_back(parent.files);
    return model::merge_linear(models, weights);
  }
};

struct MergeSlerp {
  float t;
  static std::optional<MergeSlerp> of(const statement::Operation& operation,
                                      std::span<const std::string> roles) {
    const auto texts = texts_of(operation, {"method", "t"});
    if (operation.name != "merge" || !texts || texts->front() != "slerp" || roles.size() != 2 ||
        !all_bases(roles))
      return std::nullopt;
    const auto t = number_in(texts->back());
    if (!t) return std::nullopt;
    return MergeSlerp{*t};
  }
  Result<Bytes> run(Parents parents, const model::Executor&) const {
    return model::merge_slerp(parents[0].files, parents[1].files, t);
  }
};

struct MergeLora {
  static std::optional<MergeLora> of(const statement::Operation& operation,
                                     std::span<const std::string> roles) {
    const auto texts = texts_of(operation, {"method"});
    if (operation.name != "merge" || !texts || texts->front() != "lora" || roles.size() != 2 ||
        roles[0] != "base" || roles[1] != "adapter")
      return std::nullopt;
    return MergeLora{};
  }
  static Result<Bytes> run(Parents parents, const model::Executor&) {
    return model::merge_lora(parents[0].files, parents[1].files);
  }
};

using Performance = std::variant<Quantize, Convert, MergeLinear, MergeSlerp, MergeLora>;

template <typename... Kinds>
std::optional<std::variant<Kinds...>> first_that_fits(std::variant<Kinds...>*,
                                                      const statement::Operation& operation,
                                                      std::span<const std::string> roles) {
  std::optional<std::variant<Kinds...>> found;
  const auto consider = [&](auto fit) {
    if (!found && fit) found = *std::move(fit);
  };
  (consider(Kinds::of(operation, roles)), ...);
  return found;
}

std::optional<Performance> performance_of(const statement::Operation& operation,
                                          std::span<const std::string> roles) {
  return first_that_fits(static_cast<Performance*>(nullptr), operation, roles);
}

}  // namespace

statement::Subject subject_of_files(const model::ModelFiles& files) {
  statement::ModelRelease release;
  for (const auto& [name, bytes] : files)
    release.files.push_back({name, bytes.size(), sha256(bytes), {}});
  return statement::subject_of(release);
}

bool can_perform(const statement::Operation& operation, std::span<const std::string> roles) {
  return performance_of(operation, roles).has_value();
}

Result<Bytes> perform(const statement::Operation& operation, std::span<const ParentFiles> parents,
                      const model::Executor& executor) {
  std::vector<std::string> roles;
  for (const ParentFiles& parent : parents) roles.push_back(parent.role);
  const auto performance = performance_of(operation, roles);
  if (!performance)
    return fail(incomplete(rules::perform_unknown, "this operation cannot be performed here")
                    .expected("quantize, convert or merge, with the parameters and parents that "
                              "they have here")
                    .found(performance_text(operation) + " of " + std::to_string(parents.size()) +
                           " parents"));
  return std::visit([&](const auto& kind) { return kind.run(parents, executor); }, *performance);
}

std::string performance_text(const statement::Operation& operation) {
  std::vector<std::string> said;
  for (const auto& [name, value] : operation.parameters) {
    const std::string* const key = name.as_text();
    const std::string* const text = value.as_text();
    said.push_back((key ? printable(*key) : "?") + "=" + (text ? printable(*text) : "?"));
  }
  std::ranges::sort(said);
  std::string text = printable(operation.name);
  for (const std::string& each : said) text += " " + each;
  return text;
}

}  // namespace attest::lineage
