// links: attest::ledger attest::base
#include <cstdlib>
#include <iostream>
#include <map>

#include "ledger/audit.h"
#include "libattest/base/json.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/tile.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;
using namespace attest::ledger;

namespace {

Json json_of(const Path& file) {
  return must(parse_json(must(read_text_file(file))));
}

// Overlay is a directory with some files replaced or taken away.
class Overlay final : public TileSource {
 public:
  explicit Overlay(Path directory) : below_(std::move(directory)) {}
  void put(const std::string& path, std::optional<Bytes> content) {
    changed_[path] = std::move(content);
  }
  Result<std::optional<Bytes>> read(const std::string& path) override {
    if (const auto changed = changed_.find(path); changed != changed_.end()) return changed->second;
    return below_.read(path);
  }

 private:
  DirectorySource below_;
  std::map<std::string, std::optional<Bytes>> changed_;
};

AuditReport audit_with(TileSource& source, const Json& keys) {
  AuditRequest request;
  request.verifier_key = keys.at("log_vkey").get<std::string>();
  if (keys.contains("cosigner_vkeys"))
    for (const Json& witness : keys.at("cosigner_vkeys"))
      request.witness_keys.push_back(witness.get<std::string>());
  return must(audit(source, request));
}

// A log's keys lie in it, or beside it under its name.
std::optional<Path> keys_of(const Path& log) {
  for (const Path& file : {log / "keys.json", Path(log.string() + ".keys.json")})
    if (std::filesystem::exists(file)) return file;
  return std::nullopt;
}

std::vector<Sha256> leaves_of(TileSource& source, std::uint64_t size) {
  std::vector<Sha256> leaves;
  for (std::uint64_t number = 0; number * tile_width < size; ++number) {
    const unsigned width = transparency::width_in_tree(0, number, size);
    const auto file = must(source.read(transparency::tile_path({0, number, width, true})));
    REQUIRE(file.has_value());
    for (const ByteView entry : must(transparency::parse_bundle(*file, width)))
      leaves.push_back(transparency::leaf_hash(entry));
  }
  return leaves;
}

std::vector<Path> older_checkpoints(const Path& log) {
  std::vector<Path> files;
  for (const auto& beside : std::filesystem::directory_iterator(log))
    if (beside.path().filename().string().starts_with("checkpoint."))
      files.push_back(beside.path());
  if (std::filesystem::is_directory(log / "checkpoints"))
    for (const auto& older : std::filesystem::directory_iterator(log / "checkpoints"))
      files.push_back(older.path());
  return files;
}

void check_sound(const Path& log, const Json& keys) {
  INFO(log);
  DirectorySource source(log);
  const AuditReport report = audit_with(source, keys);
  INFO((report.findings.empty()
            ? ""
            : report.findings.front().file + ": " + report.findings.front().what));
  CHECK(report.verdict == Verdict::ok);
  CHECK(report.entries == report.size);

  const auto leaves = leaves_of(source, report.size);
  const auto key = must(transparency::VerifierKey::parse(keys.at("log_vkey").get<std::string>()));
  for (const Path& older : older_checkpoints(log)) {
    INFO(older);
    const auto checkpoint =
        must(transparency::verify_checkpoint(must(read_file(older)), {key.name(), {key}, {}, 0}));
    REQUIRE(checkpoint.size() <= leaves.size());
    CHECK(checkpoint.root() == transparency::root_of(std::span(leaves).first(
                                   static_cast<std::size_t>(checkpoint.size()))));
  }
}

}  // namespace

TEST_CASE("each damaged log gets its verdict, and each finding a place") {
  const auto folder = corpus("ledger/damaged");
  if (!folder) return;
  const Json cases = json_of(*folder / "cases.json");
  for (const Json& each : cases.at("cases")) {
    Overlay source(*folder / "clean");
    for (const auto& [path, content] : each.at("replace_or_remove").items())
      source.put(path, content.is_null()
                           ? std::nullopt
                           : std::optional(must(from_base64(content.get<std::string>()))));
    const AuditReport report = audit_with(source, cases);
    INFO(each.at("name").get<std::string>());
    INFO((report.findings.empty() ? "" : report.findings.front().what));
    CHECK(to_string(report.verdict) == each.at("expect").get<std::string>());
    for (const Finding& finding : report.findings) CHECK_FALSE(finding.file.empty());
  }
}

TEST_CASE("sound logs by other writers pass, with every older checkpoint they signed") {
  const auto folder = corpus("ledger");
  if (!folder) return;
  int logs = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(*folder)) {
    if (each.path().filename() != "checkpoint") continue;
    const Path log = each.path().parent_path();
    const auto keys_file = keys_of(log);
    if (!keys_file) continue;
    ++logs;
    check_sound(log, json_of(*keys_file));
  }
  CHECK(logs > 0);
}
