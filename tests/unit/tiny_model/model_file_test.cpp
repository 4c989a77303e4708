#include "fixtures/tiny-model/model_file.h"

#include <cstring>

#include "fixtures/tiny-model/material.h"
#include "fixtures/tiny-model/recipe.h"
#include "libattest/base/json.h"
#include "libattest/crypto/digest.h"
#include "libattest/model/gguf.h"
#include "libattest/model/quantize.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::tiny_model;

namespace {

const Path folder = ATTEST_TINY_MODEL;

// The weights out of a GGUF file of type F32, in the order of tensor_slots.
std::vector<float> weights_of(const Bytes& file) {
  const auto gguf = must(model::parse_gguf(file));
  std::vector<float> parameters(parameter_count(recipe::shape));
  for (const TensorSlot& slot : tensor_slots(recipe::shape)) {
    const auto* tensor = gguf.find_tensor(slot.name);
    REQUIRE(tensor != nullptr);
    REQUIRE(tensor->size == slot.size() * sizeof(float));
    std::memcpy(parameters.data() + slot.offset, file.data() + tensor->offset, tensor->size);
  }
  return parameters;
}

}  // namespace

TEST_CASE("the files kept here are the recorded ones and under 4 MB together") {
  const auto record = must(parse_json(must(read_text_file(folder / "training.json"))));
  std::size_t total = 0;
  for (const auto& [name, digest] : record["files"].items()) {
    const auto file = must(read_file(folder / name));
    REQUIRE(to_hex(sha256(file)) == digest.get<std::string>());
    total += file.size();
  }
  REQUIRE(record["files"].size() == 2);
  REQUIRE(total < 4'000'000);
}

TEST_CASE("the F32 file is made from its weights and the vocabulary again") {
  const auto record = must(parse_json(must(read_text_file(folder / "training.json"))));
  const auto file = must(read_file(folder / "tiny-story-f32.gguf"));
  const auto parameters = weights_of(file);
  REQUIRE(parameters_digest(parameters) == record["parameters_sha256"].get<std::string>());
  const auto material = must(make_material(folder));
  REQUIRE(must(model_file(material.vocabulary, parameters)) == file);
}

TEST_CASE("the Q8_0 file is the F32 file, quantised") {
  const auto f32 = must(read_file(folder / "tiny-story-f32.gguf"));
  REQUIRE(must(model::quantize_gguf(f32)) == must(read_file(folder / "tiny-story-q8_0.gguf")));
}

TEST_CASE("the tiny model tells a story about the node") {
  const auto parameters = weights_of(must(read_file(folder / "tiny-story-f32.gguf")));
  const auto material = must(make_material(folder));
  const auto text = greedy_text(material.vocabulary, parameters, "The node", 12);
  INFO(text);
  REQUIRE(text.starts_with("The node "));
  REQUIRE(text.size() > 30);
}
