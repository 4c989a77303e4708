#include "libattest/lineage/reproduce.h"

#include "libattest/base/file.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"
#include "tests/support/hf_model.h"

using namespace attest;
using namespace attest::lineage;
using statement::Operation;
using statement::Subject;
using test::OwnedFiles;

namespace {

Bytes small_model() {
  model::GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  std::vector<float> weights(512);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>(i * 37 % 101) - 30.5F;
  writer.add_tensor_f32("blk.0.weight", {256, 2}, weights);
  return must(writer.finish());
}

OwnedFiles one_file(Bytes bytes) {
  return {{"model.safetensors", std::move(bytes)}};
}

OwnedFiles weights_named(const std::string& name) {
  return one_file(test::safetensors_of({{name, {4, 3}}}));
}

// The same tensor, other weights: what a tensor holds follows from its name.
OwnedFiles other_weights() {
  OwnedFiles files = weights_named("q.weight");
  Bytes& bytes = files.begin()->second;
  for (std::size_t i = 1; i <= 48; i += 4) bytes[bytes.size() - i] ^= std::byte{0x80};
  bytes[bytes.size() - 2] ^= std::byte{0x3f};
  return files;
}

OwnedFiles adapter() {
  OwnedFiles files;
  files["adapter_model.safetensors"] = test::safetensors_of(
      {{"base_model.model.q.lora_A.weight", {2, 3}}, {"base_model.model.q.lora_B.weight", {4, 2}}});
  files["adapter_config.json"] = to_bytes(as_bytes(std::string(R"({"r":2,"lora_alpha":4})")));
  return files;
}

// Released is what an operation made of its parents, and the release that says so.
struct Released {
  Operation operation;
  std::vector<std::pair<std::string, OwnedFiles>> parents;  // with their roles
  statement::ModelRelease release{};

  Released(Operation performed, std::vector<std::pair<std::string, OwnedFiles>> of)
      : operation(std::move(performed)), parents(std::move(of)) {
    const Bytes made = must(perform(operation, with_roles()));
    release = {"made", {{"made", made.size(), sha256(made), {}}}, operation, {}, "MIT"};
    for (const auto& [role, files] : parents)
      release.parents.push_back({role, subject_of_files(test::files_of(files))});
  }
  std::vector<ParentFiles> with_roles() const {
    std::vector<ParentFiles> all;
    for (const auto& [role, files] : parents) all.push_back({role, test::files_of(files)});
    return all;
  }
  std::vector<model::ModelFiles> files() const {
    std::vector<model::ModelFiles> all;
    for (const auto& [role, files] : parents) all.push_back(test::files_of(files));
    return all;
  }
  Result<Reproduced> again(const std::vector<model::ModelFiles>& given) const {
    return reproduce({subject_of(release), "tiny@lab.example", 0, release, {}}, given);
  }
};

Released quantized(const std::string& to) {
  return {{"quantize", {{"to", to}}}, {{"base", {{"base.gguf", small_model()}}}}};
}
Released converted() {
  return {{"convert", {{"to", "gguf"}}}, {{"base", test::HfModel().files()}}};
}
Released linear() {
  return {{"merge", {{"method", "linear"}, {"weights", "0.7,0.3"}}},
          {{"base", weights_named("q.weight")}, {"base", other_weights()}}};
}
Released slerp() {
  return {{"merge", {{"method", "slerp"}, {"t", "0.3"}}},
          {{"base", weights_named("q.weight")}, {"base", other_weights()}}};
}
Released lora() {
  return {{"merge", {{"method", "lora"}}},
          {{"base", weights_named("q.weight")}, {"adapter", adapter()}}};
}

std::vector<Released> every_operation() {
  std::vector<Released> all;
  for (const char* to : {"q8_0", "q4_0", "q4_k", "q5_k", "q6_k"}) all.push_back(quantized(to));
  all.push_back(converted());
  all.push_back(linear());
  all.push_back(slerp());
  all.push_back(lora());
  return all;
}

}  // namespace

TEST_CASE("each operation's result is proven by doing it again, whatever order parents come in") {
  for (const Released& each : every_operation()) {
    INFO(performance_text(each.operation));
    std::vector<model::ModelFiles> files = each.files();
    const Reproduced done = must(each.again(files));
    CHECK(done.digest == each.release.files[0].sha256);
    CHECK(done.size == each.release.files[0].size);
    CHECK(done.operation == performance_text(each.operation));
    std::ranges::reverse(files);
    CHECK(must(each.again(files)).digest == done.digest);
  }
}

TEST_CASE("a release that is not what the operation gives is refused, with both digests") {
  for (Released& each : every_operation()) {
    INFO(performance_text(each.operation));
    each.release.files[0].sha256[0] ^= std::byte{1};
    const auto differs = each.again(each.files());
    REQUIRE_RULE(differs, rules::reproduce_differs);
    CHECK(differs.error().expected_value == subject_of(each.release).text());
    CHECK(differs.error().found_value.starts_with("sha256:"));
  }
}

TEST_CASE("a release that names another parameter than was used is refused") {
  const auto says = [](Released released, const Operation& other) {
    released.release.operation = other;
    INFO(performance_text(other));
    REQUIRE_RULE(released.again(released.files()), rules::reproduce_differs);
  };
  says(quantized("q8_0"), {"quantize", {{"to", "q4_0"}}});
  says(quantized("q4_k"), {"quantize", {{"to", "q5_k"}}});
  says(quantized("q6_k"), {"quantize", {{"to", "q4_k"}}});
  says(linear(), {"merge", {{"method", "linear"}, {"weights", "0.3,0.7"}}});
  says(linear(), {"merge", {{"method", "linear"}, {"weights", "0.70001,0.3"}}});
  says(linear(), {"merge", {{"method", "slerp"}, {"t", "0.3"}}});
  says(slerp(), {"merge", {{"method", "slerp"}, {"t", "0.30001"}}});
}

TEST_CASE("a release whose parents stand in another order is refused where the order counts") {
  for (Released released : {linear(), slerp()}) {
    std::ranges::reverse(released.release.parents);
    REQUIRE_RULE(released.again(released.files()), rules::reproduce_differs);
  }
}

TEST_CASE("one flipped weight of any parent is no parent of the release") {
  for (const Released& each : every_operation()) {
    INFO(performance_text(each.operation));
    for (std::size_t parent = 0; parent < each.parents.size(); ++parent) {
      OwnedFiles changed = each.parents[parent].second;
      for (auto& [name, bytes] : changed)
        if (!name.ends_with(".json")) bytes.back() ^= std::byte{1};
      std::vector<model::ModelFiles> files = each.files();
      files[parent] = test::files_of(changed);
      REQUIRE_RULE(each.again(files), rules::reproduce_no_parent);
    }
  }
}

TEST_CASE("a release of what a flipped weight gives is refused against the true parents") {
  for (Released& each : every_operation()) {
    INFO(performance_text(each.operation));
    // The publisher took other weights than those of the parents that the release names.
    Released other = each;
    for (auto& [name, bytes] : other.parents[0].second)
      if (!name.ends_with(".json")) bytes[bytes.size() - 1] ^= std::byte{2};
    const Bytes made = must(perform(other.operation, other.with_roles()));
    each.release.files[0].sha256 = sha256(made);
    REQUIRE_RULE(each.again(each.files()), rules::reproduce_differs);
  }
}

TEST_CASE("a parent that is not here is incomplete") {
  for (const Released& each : every_operation()) {
    std::vector<model::ModelFiles> files = each.files();
    files.pop_back();
    const auto missing = each.again(files);
    REQUIRE_RULE(missing, rules::reproduce_parent_missing);
    REQUIRE(missing.error().kind == ErrorKind::incomplete);
  }
}

TEST_CASE("a file more in a parent's directory makes it another directory") {
  const Released model = converted();
  OwnedFiles more = model.parents[0].second;
  more["README.md"] = Bytes(1);
  REQUIRE_RULE(model.again({test::files_of(more)}), rules::reproduce_no_parent);
}

TEST_CASE("what cannot be performed again is incomplete, never proven") {
  const auto unknown = [](Released released, const Operation& operation) {
    released.release.operation = operation;
    INFO(performance_text(operation));
    const auto found = released.again(released.files());
    REQUIRE_RULE(found, rules::reproduce_unknown);
    REQUIRE(found.error().kind == ErrorKind::incomplete);
  };
  unknown(quantized("q8_0"), {"quantize", {{"to", "q5_1"}}});
  unknown(quantized("q8_0"), {"quantize", {}});
  unknown(quantized("q8_0"), {"quantize", {{"to", "q8_0"}, {"seed", "1"}}});
  unknown(quantized("q8_0"), {"quantize", {{"to", 8}}});
  unknown(quantized("q8_0"), {"fine-tune", {}});
  unknown(quantized("q8_0"), {"convert", {{"to", "onnx"}}});
  unknown(linear(), {"merge", {{"method", "linear"}, {"weights", "0.5"}}});
  unknown(linear(), {"merge", {{"method", "linear"}, {"weights", "0.5,half"}}});
  unknown(linear(), {"merge", {{"method", "linear"}, {"weights", "0.5,nan"}}});
  unknown(linear(), {"merge", {{"method", "ties"}}});
  unknown(slerp(), {"merge", {{"method", "slerp"}, {"t", ""}}});
  unknown(linear(), {"merge", {{"method", "lora"}}});
  Released two_files = quantized("q8_0");
  two_files.release.files.push_back({"more", 1, {}, {}});
  unknown(two_files, *two_files.release.operation);
}

TEST_CASE("an operation on one file is refused for a parent of several") {
  const OwnedFiles directory = test::HfModel().files();
  REQUIRE_RULE(perform({"quantize", {{"to", "q8_0"}}},
                       std::vector{ParentFiles{"base", test::files_of(directory)}}),
               rules::perform_files);
}
