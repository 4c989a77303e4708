// links: attest::model attest::base
#include <cstdlib>
#include <iostream>

#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/model/digest.h"
#include "libattest/model/directory.h"
#include "libattest/model/gguf.h"
#include "libattest/model/safetensors_index.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;

namespace {

bool accepted(const Path& path) {
  const Bytes bytes = must(read_file(path));
  return model::parse_gguf(bytes).has_value();
}

// A model in several files is good when its index and all that it names are.
Status check_sharded(const Path& folder) {
  TRY(const std::string text, read_text_file(folder / "model.safetensors.index.json"));
  TRY(const auto index, model::parse_safetensors_index(text));
  TRY(const auto directory, model::ModelDirectory::open(folder));
  std::map<std::string, model::Safetensors> shards;
  for (const std::string& name : index.files()) {
    TRY(const auto file, directory.open_file(name, model::Symlinks::refuse));
    TRY(auto shard, model::read_safetensors(*file));
    shards.emplace(name, std::move(shard));
  }
  return model::check_shards(index, shards);
}

}  // namespace

TEST_CASE("the crafted safetensors files are accepted and refused as their list says") {
  const auto folder = corpus("model/safetensors/crafted");
  if (!folder) return;
  for (const Json& each : must(parse_json(must(read_text_file(*folder / "cases.json"))))) {
    const auto file = each.at("file").get<std::string>();
    INFO(file << ": " << each.at("why").get<std::string>());
    const Bytes bytes = must(read_file(*folder / file));
    CHECK(model::parse_safetensors(bytes).has_value() == (each.at("expect") == "pass"));
  }
}

TEST_CASE("models in several files are accepted and refused as their list says") {
  const auto folder = corpus("model/safetensors/sharded");
  if (!folder) return;
  for (const Json& each : must(parse_json(must(read_text_file(*folder / "cases.json"))))) {
    const auto name = each.at("dir").get<std::string>();
    INFO(name << ": " << each.at("why").get<std::string>());
    CHECK(check_sharded(*folder / name).has_value() == (each.at("expect") == "pass"));
  }
}

TEST_CASE("real safetensors files are accepted") {
  const auto folder = corpus("model/safetensors/real");
  if (!folder) return;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    INFO(entry.path().string());
    const auto file = must(system_files().open(entry.path(), OpenMode::read));
    REQUIRE_OK(model::read_safetensors(*file));
  }
}

TEST_CASE("the crafted GGUF files are accepted and refused as their list says") {
  const auto folder = corpus("model/gguf/crafted");
  if (!folder) return;
  for (const Json& each : must(parse_json(must(read_text_file(*folder / "cases.json"))))) {
    const auto file = each.at("file").get<std::string>();
    INFO(file << ": " << each.at("why").get<std::string>());
    CHECK(accepted(*folder / file) == (each.at("expect") == "pass"));
  }
}

TEST_CASE("of the hand-made GGUF files only the good ones are accepted") {
  const auto folder = corpus("inference/bad-gguf");
  if (!folder) return;
  const Json expected = must(parse_json(must(read_text_file(*folder / "expected.json"))));
  for (const auto& [file, meaning] : expected.items()) {
    INFO(file << ": " << meaning.get<std::string>());
    CHECK(accepted(*folder / file) == meaning.get<std::string>().starts_with("ACCEPT"));
  }
}

TEST_CASE("real vocabularies and weights are accepted") {
  for (const char* part : {"model/gguf/real", "inference/vocab", "inference/weights"}) {
    const auto folder = corpus(part);
    if (!folder) continue;
    for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
      if (entry.path().extension() != ".gguf") continue;
      INFO(entry.path().string());
      const Bytes bytes = must(read_file(entry.path()));
      REQUIRE_OK(model::parse_gguf(bytes));
      const auto file = must(system_files().open(entry.path(), OpenMode::read));
      REQUIRE_OK(model::read_gguf(*file));
    }
  }
}

TEST_CASE("fs-verity digests are those the corpus gives") {
  const auto folder = corpus("inference/weights");
  if (!folder) return;
  const std::string readme = must(read_text_file(folder->parent_path() / "README.md"));
  const std::size_t row = readme.find("| (fs-verity) |");
  REQUIRE(row != std::string::npos);
  const std::string digests = readme.substr(row, readme.find('\n', row) - row);
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".gguf") continue;
    INFO(entry.path().string());
    const auto found = must(model::digest_file(entry.path()));
    CHECK(digests.find(to_hex(found.fsverity)) != std::string::npos);
  }
}
