#include "libattest/lineage/file_check.h"

#include "libattest/model/format.h"
#include "libattest/model/gguf.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::lineage;
using result::Verdict;

namespace {

Result<model::FileDigests> by_reading(File& file) {
  return model::digest_file(file);
}

LookedAt look(const std::string& name, std::string_view content,
              const std::string& policy = "version = 1\n") {
  const TemporaryDirectory folder;
  const Path path = folder.path() / name;
  must(write_file_atomically(path, as_bytes(content)));
  const auto file = must(system_files().open(path, OpenMode::read));
  return must(look_at(*file, name, must(parse_release_policy(policy)), by_reading));
}

void only(const LookedAt& looked, Rule rule, Verdict outcome = Verdict::refused) {
  REQUIRE(looked.checks.size() == 1);
  REQUIRE(looked.checks[0].name == rule.name);
  REQUIRE(looked.checks[0].outcome == outcome);
}

const std::string pickle("\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.", 17);
const std::string pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') +
    "\nsize 12\n";

}  // namespace

TEST_CASE("a file of plain text has nothing against it") {
  const LookedAt looked = look("README.md", "words");
  REQUIRE(looked.checks.empty());
  REQUIRE(looked.digests == model::digest_bytes(as_bytes("words")));
}

TEST_CASE("a pickle is refused by name, whatever its own name is, unless the policy asks for it") {
  only(look("model.safetensors", pickle), rules::code_on_load);
  REQUIRE(look("a.pkl", pickle).format == "pickle");
  REQUIRE(look("a.pkl", pickle, "version = 1\nformats = [\"pickle\"]\n").checks.empty());
}

TEST_CASE("code that a configuration or a template brings is refused") {
  only(look("config.json", R"({"auto_map": {"AutoModel": "m.M"}})"), rules::code_configuration);
  REQUIRE(look("config.json", R"({"hidden_size": 64})").checks.empty());
  only(look("modeling.py", "import os\n"), rules::code_file);
}

TEST_CASE("a git-lfs pointer is incomplete, and a text that only speaks of one is not") {
  const LookedAt looked = look("big.gguf", pointer);
  only(looked, rules::file_is_pointer, Verdict::incomplete);
  REQUIRE(looked.is_pointer);
  REQUIRE(looked.checks[0].why.find("git lfs pull --include=\"big.gguf\"") != std::string::npos);
  REQUIRE_FALSE(look("notes.txt", "see " + pointer).is_pointer);
  REQUIRE_FALSE(look("notes.txt", pointer + std::string(2000, 'x')).is_pointer);
}

TEST_CASE("a file that is swapped after it was opened is judged as what was opened") {
  const TemporaryDirectory folder;
  const Path path = folder.path() / "model.bin";
  must(write_file_atomically(path, as_bytes("genuine")));
  const auto file = must(system_files().open(path, OpenMode::read));
  must(write_file_atomically(path, as_bytes(pickle)));
  const LookedAt looked =
      must(look_at(*file, "model.bin", must(parse_release_policy("version = 1\n")), by_reading));
  REQUIRE(looked.checks.empty());
  REQUIRE(looked.digests == model::digest_bytes(as_bytes("genuine")));
}

TEST_CASE("a GGUF file that does not hold together is refused by its reader's rule") {
  const LookedAt looked = look("a.gguf", "GGUF\x03");
  REQUIRE(looked.checks.size() == 1);
  REQUIRE(looked.checks[0].outcome == Verdict::refused);
}

TEST_CASE("files that are no models are named by name or by path") {
  const auto policy =
      must(parse_release_policy("version = 1\nnot_models = [\"README.md\", \"docs/*\"]\n"));
  REQUIRE(is_no_model("README.md", policy));
  REQUIRE(is_no_model("below/README.md", policy));
  REQUIRE(is_no_model("docs/a.gguf", policy));
  REQUIRE_FALSE(is_no_model("a.gguf", policy));
  REQUIRE_FALSE(is_no_model("README.md", must(parse_release_policy("version = 1\n"))));
}

TEST_CASE("a file's digests may come from elsewhere, and its form is looked at all the same") {
  const TemporaryDirectory folder;
  const Path path = folder.path() / "a.gguf";
  must(write_file_atomically(path, as_bytes("GGUF\x03")));
  const auto file = must(system_files().open(path, OpenMode::read));
  const model::FileDigests told = model::digest_bytes(as_bytes("told"));
  const LookedAt looked = must(look_at(*file, "a.gguf", must(parse_release_policy("version = 1\n")),
                                       [&](File&) -> Result<model::FileDigests> { return told; }));
  CHECK(looked.digests == told);
  CHECK(looked.checks.size() == 1);
}

TEST_CASE("what the kernel enforces is a named file only by digest, algorithm and size together") {
  const model::FileDigests own = model::digest_bytes(as_bytes("weights"));
  const std::vector<statement::ModelFile> named{
      {"other", 7, sha256(as_bytes("other")), sha256(as_bytes("x"))},
      {"weights", own.size, own.sha256, own.fsverity}};
  const model::KernelVerity enforced{1, to_bytes(own.fsverity)};
  CHECK(enforced_digests(named, own.size, enforced) == own);
  CHECK_FALSE(enforced_digests(named, own.size + 1, enforced));
  CHECK_FALSE(enforced_digests(named, own.size, {2, to_bytes(own.fsverity)}));
  CHECK_FALSE(enforced_digests(named, own.size, {1, to_bytes(own.sha256)}));
  CHECK_FALSE(enforced_digests(named, own.size, {1, Bytes(31)}));
  CHECK_FALSE(enforced_digests({}, own.size, enforced));
}
