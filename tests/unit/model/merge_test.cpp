#include "libattest/model/merge.h"

#include <bit>
#include <cmath>
#include <limits>

#include "libattest/base/json.h"
#include "libattest/model/safetensors.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::model;

namespace {

struct Tensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint32_t> bits;  // of each element as it is stored
};

Bytes file_of(const std::vector<Tensor>& tensors) {
  OrderedJson header = OrderedJson::object();
  Bytes data;
  for (const Tensor& tensor : tensors) {
    const std::size_t begin = data.size();
    for (const std::uint32_t bits : tensor.bits)
      if (tensor.dtype == "F32")
        append_u32_le(data, bits);
      else
        append_u16_le(data, static_cast<std::uint16_t>(bits));
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = to_line(header);
  Bytes file;
  append_u64_le(file, text.size());
  append(file, as_bytes(text));
  append(file, data);
  return file;
}

std::vector<std::uint32_t> f32(std::initializer_list<float> values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

std::vector<std::uint32_t> bits_in(const Bytes& file, const std::string& name) {
  const Safetensors parsed = must(parse_safetensors(file));
  const SafetensorsTensor* tensor = parsed.find(name);
  REQUIRE(tensor != nullptr);
  ByteReader reader(ByteView(file).subspan(tensor->offset, tensor->size));
  std::vector<std::uint32_t> bits;
  while (!reader.at_end())
    bits.push_back(tensor->dtype == "F32" ? must(reader.u32_le("x")) : must(reader.u16_le("x")));
  return bits;
}

constexpr std::string_view plain = R"({"r":2,"lora_alpha":4,"use_dora":false,"bias":"none"})";

Result<Bytes> merge(const std::vector<Bytes>& files, const std::vector<float>& weights) {
  std::vector<ModelFiles> models;
  for (const Bytes& file : files) models.push_back({{"model.safetensors", file}});
  return merge_linear(models, weights);
}

Result<Bytes> lora(const Bytes& base, const Bytes& adapter, std::string_view configuration) {
  return merge_lora(
      {{"model.safetensors", base}},
      {{"adapter_model.safetensors", adapter}, {"adapter_config.json", as_bytes(configuration)}});
}

Bytes adapter_of(const std::string& target = "q") {
  return file_of(
      {{"base_model.model." + target + ".lora_A.weight", "F32", {2, 3}, f32({1, 2, 3, 4, 5, 6})},
       {"base_model.model." + target + ".lora_B.weight", "F32", {2, 2}, f32({1, 0, 0, 1})}});
}

}  // namespace

TEST_CASE("a linear merge adds in the order of its inputs, rounding each step") {
  const Bytes one = file_of({{"b", "F32", {2}, f32({1.0F, 1e8F})}, {"a", "F32", {1}, f32({2.0F})}});
  const Bytes two = file_of({{"a", "F32", {1}, f32({4.0F})}, {"b", "F32", {2}, f32({3.0F, 1.0F})}});
  const Bytes three =
      file_of({{"a", "F32", {1}, f32({0.0F})}, {"b", "F32", {2}, f32({0.0F, -1e8F})}});
  const Bytes merged = must(merge({one, two, three}, {1.0F, 0.5F, 1.0F}));
  CHECK(bits_in(merged, "a") == f32({4.0F}));
  // 1e8 + 0.5 is 1e8 in f32, so the order shows.
  CHECK(bits_in(merged, "b") == f32({2.5F, 0.0F}));
  CHECK(must(parse_safetensors(merged)).data_offset % 8 == 0);
  CHECK(must(merge({one, two, three}, {1.0F, 0.5F, 1.0F})) == merged);
}

TEST_CASE("half-precision weights are read exactly and rounded to even") {
  // bf16 1.0 and the next above it: their mean lies between, and 1.0 is the even one.
  const Bytes low = file_of({{"w", "BF16", {1}, {0x3f80}}});
  const Bytes high = file_of({{"w", "BF16", {1}, {0x3f81}}});
  const std::vector half{0.5F, 0.5F};
  CHECK(bits_in(must(merge({low, high}, half)), "w")[0] == 0x3f80);
  const Bytes next = file_of({{"w", "BF16", {1}, {0x3f82}}});
  CHECK(bits_in(must(merge({high, next}, half)), "w")[0] == 0x3f82);
  const Bytes f16 = file_of({{"w", "F16", {1}, {0x3c00}}});
  CHECK(bits_in(must(merge({f16, f16}, half)), "w")[0] == 0x3c00);
}

TEST_CASE("merges of files that do not fit are refused") {
  const Bytes one = file_of({{"w", "F32", {1}, f32({1})}});
  const std::vector half{0.5F, 0.5F};
  for (const Bytes& other :
       {file_of({{"v", "F32", {1}, f32({1})}}), file_of({{"w", "BF16", {1}, {0x3f80}}}),
        file_of({{"w", "F32", {1, 1}, f32({1})}}),
        file_of({{"w", "F32", {1}, f32({1})}, {"x", "F32", {1}, f32({1})}})}) {
    REQUIRE_RULE(merge({one, other}, half), rules::merge_inputs);
    REQUIRE_RULE(merge({other, one}, half), rules::merge_inputs);
  }
  REQUIRE_RULE(merge({one}, {1.0F}), rules::merge_inputs);
  REQUIRE_RULE(merge({one, one}, {1.0F}), rules::merge_inputs);
  constexpr float infinite = std::numeric_limits<float>::infinity();
  REQUIRE_RULE(merge({one, one}, {1.0F, infinite}), rules::merge_inputs);
  const Bytes large = file_of({{"w", "F32", {1}, f32({3e38F})}});
  REQUIRE_RULE(merge({large, large}, {1.0F, 1.0F}), rules::merge_value);
  const Bytes half_large = file_of({{"w", "F16", {1}, {0x7bff}}});
  REQUIRE_RULE(merge({half_large, half_large}, {1.0F, 1.0F}), rules::merge_value);
  REQUIRE_RULE(merge({file_of({{"w", "I16", {1}, {1}}}), one}, half), rules::weights_type);
}

TEST_CASE("an adapter adds s·B·A to the tensors it names, and to no other") {
  const Bytes base = file_of(
      {{"q.weight", "F32", {2, 3}, f32({0, 0, 0, 1, 1, 1})}, {"v.weight", "F32", {1}, f32({7})}});
  const Bytes merged = must(lora(base, adapter_of(), plain));
  CHECK(bits_in(merged, "q.weight") == f32({2, 4, 6, 9, 11, 13}));
  CHECK(bits_in(merged, "v.weight") == f32({7}));
}

TEST_CASE("adapters that do not fit, or mean another sum, are refused") {
  const Bytes base = file_of({{"q.weight", "F32", {2, 3}, f32({0, 0, 0, 1, 1, 1})}});
  REQUIRE_RULE(lora(base, adapter_of("k"), plain), rules::merge_adapter);
  for (const char* config :
       {R"({"r":2})", R"({"lora_alpha":4})", R"({"r":3,"lora_alpha":4})",
        R"({"r":0,"lora_alpha":4})", R"({"r":2,"lora_alpha":4,"use_rslora":true})",
        R"({"r":2,"lora_alpha":4,"use_dora":true})", R"({"r":2,"lora_alpha":4,"bias":"all"})",
        R"({"r":2,"lora_alpha":4,"rank_pattern":{"q":1}})",
        R"({"r":2,"lora_alpha":4,"modules_to_save":["q"]})",
        R"({"r":2,"lora_alpha":4,"fan_in_fan_out":true})"}) {
    INFO(config);
    REQUIRE_RULE(lora(base, adapter_of(), config), rules::merge_adapter);
  }
  const Bytes other =
      file_of({{"base_model.model.q.lora_A.weight", "F32", {2, 3}, f32({1, 2, 3, 4, 5, 6})}});
  REQUIRE_RULE(lora(base, other, plain), rules::merge_adapter);
  REQUIRE_RULE(lora(base, base, plain), rules::merge_adapter);
  const Bytes narrow = file_of({{"q.weight", "F32", {2, 2}, f32({0, 0, 0, 0})}});
  REQUIRE_RULE(lora(narrow, adapter_of(), plain), rules::merge_adapter);
}

namespace {

Result<Bytes> slerp(const Bytes& first, const Bytes& second, float t) {
  return merge_slerp({{"a.safetensors", first}}, {{"b.safetensors", second}}, t);
}

float only_weight(const Bytes& file, std::size_t index) {
  return std::bit_cast<float>(bits_in(file, "w").at(index));
}

}  // namespace

TEST_CASE("SLERP goes along the arc between two models, and keeps their length") {
  const Bytes east = file_of({{"w", "F32", {2}, f32({3, 0})}});
  const Bytes north = file_of({{"w", "F32", {2}, f32({0, 3})}});
  for (const double t : {0.0, 0.125, 0.25, 0.3, 0.5, 0.9, 1.0}) {
    INFO(t);
    const Bytes merged = must(slerp(east, north, static_cast<float>(t)));
    const double angle = static_cast<double>(static_cast<float>(t)) * 1.5707963267948966;
    CHECK(std::fabs(only_weight(merged, 0) - 3 * std::cos(angle)) < 2e-6);
    CHECK(std::fabs(only_weight(merged, 1) - 3 * std::sin(angle)) < 2e-6);
    CHECK(must(slerp(east, north, static_cast<float>(t))) == merged);
  }
  CHECK(must(slerp(east, north, 0.0F)) != must(slerp(east, north, 0.001F)));
}

TEST_CASE("SLERP's ends are the models themselves") {
  const Bytes one = file_of({{"w", "BF16", {3}, {0x3f80, 0x4000, 0xbf12}}});
  const Bytes two = file_of({{"w", "BF16", {3}, {0xbf80, 0x3f01, 0x3e12}}});
  CHECK(bits_in(must(slerp(one, two, 0.0F)), "w") == bits_in(one, "w"));
  CHECK(bits_in(must(slerp(one, two, 1.0F)), "w") == bits_in(two, "w"));
}

TEST_CASE(
    "SLERP of weights that nearly agree, oppose each other or are zero is the straight line") {
  const Bytes one = file_of({{"w", "F32", {2}, f32({1, 1})}});
  for (const Bytes& other :
       {file_of({{"w", "F32", {2}, f32({3, 3.01F})}}), file_of({{"w", "F32", {2}, f32({-1, -1})}}),
        file_of({{"w", "F32", {2}, f32({0, 0})}})}) {
    const float end = only_weight(other, 0);
    CHECK(only_weight(must(slerp(one, other, 0.25F)), 0) == 0.75F + 0.25F * end);
  }
}

TEST_CASE("SLERP of models that do not fit, or beyond its ends, is refused") {
  const Bytes one = file_of({{"w", "F32", {2}, f32({1, 0})}});
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float t : {-0.01F, 1.01F, nan}) REQUIRE_RULE(slerp(one, one, t), rules::merge_inputs);
  REQUIRE_RULE(slerp(one, file_of({{"v", "F32", {2}, f32({1, 0})}}), 0.5F), rules::merge_inputs);
  constexpr float infinite = std::numeric_limits<float>::infinity();
  REQUIRE_RULE(slerp(one, file_of({{"w", "F32", {2}, f32({infinite, 0})}}), 0.5F),
               rules::merge_value);
}

TEST_CASE("models in shards are merged like models in one file") {
  const Bytes a = file_of({{"a", "F32", {1}, f32({1})}});
  const Bytes b = file_of({{"b", "F32", {1}, f32({2})}});
  const Bytes both = file_of({{"a", "F32", {1}, f32({1})}, {"b", "F32", {1}, f32({2})}});
  const std::string index = R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})";
  const ModelFiles sharded{{"1.safetensors", a},
                           {"2.safetensors", b},
                           {"model.safetensors.index.json", as_bytes(index)}};
  const ModelFiles whole{{"x", both}};
  const std::vector half{0.5F, 0.5F};
  CHECK(must(merge_linear(std::vector{sharded, whole}, half)) ==
        must(merge_linear(std::vector{whole, whole}, half)));
  const ModelFiles unclear{{"1.safetensors", a}, {"2.safetensors", b}};
  REQUIRE_RULE(merge_linear(std::vector{unclear, whole}, half), rules::weights_files);
}
