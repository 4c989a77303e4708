// links: attest::model attest::base
#include <cstdlib>
#include <iostream>

#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/model/digest.h"
#include "libattest/model/gguf.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;

namespace {

bool accepted(const Path& path) {
  const Bytes bytes = must(read_file(path));
  return model::parse_gguf(bytes).has_value();
}

}  // namespace

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
