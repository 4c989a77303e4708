// links: attest::transparency attest::base
#include <cstdlib>
#include <iostream>

#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/transparency/tile.h"
#include "libattest/transparency/tlog_proof.h"
#include "libattest/transparency/witness_protocol.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;
using namespace attest::transparency;

namespace {

Json json_of(const Path& path) {
  INFO(path.string());
  return must(parse_json(must(read_text_file(path)), {.size = 64U << 20}));
}

std::string text(const Json& object, const char* name) {
  return object.at(name).get<std::string>();
}

Hash hash_of(const Bytes& bytes) {
  REQUIRE(bytes.size() == 32);
  Hash hash;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

Hash hash64(const Json& value) {
  return hash_of(must(from_base64(value.get<std::string>())));
}

std::vector<Hash> path64(const Json& value) {
  std::vector<Hash> path;
  if (value.is_array())
    for (const Json& each : value) path.push_back(hash64(each));
  return path;
}

std::vector<Path> files_below(const Path& folder) {
  std::vector<Path> files;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder))
    if (each.is_regular_file()) files.push_back(each.path());
  return files;
}

// A vector may hold hashes of a wrong length on purpose: those are refused before any proof is.
bool well_formed(const Json& value, std::initializer_list<const char*> hashes) {
  const auto is_hash = [](const Json& each) {
    const auto bytes = each.is_string() ? from_base64(each.get<std::string>()) : Bytes{};
    return bytes && bytes->size() == 32;
  };
  for (const char* name : hashes)
    if (!is_hash(value.at(name))) return false;
  for (const Json& each : value.at("proof"))
    if (!is_hash(each)) return false;
  return true;
}

}  // namespace

TEST_CASE("inclusion vectors come out as they say") {
  const auto folder = corpus("ledger/merkle-proofs/inclusion");
  if (!folder) return;
  for (const Path& file : files_below(*folder)) {
    const Json v = json_of(file);
    INFO(file.string());
    const bool holds = well_formed(v, {"root", "leafHash"}) &&
                       verify_inclusion(v.at("leafIdx"), v.at("treeSize"), hash64(v.at("leafHash")),
                                        path64(v.at("proof")), hash64(v.at("root")))
                           .has_value();
    CHECK(holds == !v.at("wantErr").get<bool>());
  }
}

TEST_CASE("consistency vectors come out as they say") {
  const auto folder = corpus("ledger/merkle-proofs/consistency");
  if (!folder) return;
  for (const Path& file : files_below(*folder)) {
    const Json v = json_of(file);
    INFO(file.string());
    // That library refuses proofs from size 0; tlog-witness asks for them, and we follow it.
    if (v.at("size1") == 0) continue;
    // It also compares roots that are no hashes at all; here a hash has 32 bytes by its type.
    if (!well_formed(v, {"root1", "root2"}) && !v.at("wantErr").get<bool>()) continue;
    const bool holds = well_formed(v, {"root1", "root2"}) &&
                       verify_consistency(v.at("size1"), hash64(v.at("root1")), v.at("size2"),
                                          hash64(v.at("root2")), path64(v.at("proof")))
                           .has_value();
    CHECK(holds == !v.at("wantErr").get<bool>());
  }
}

TEST_CASE("the reference tree of eight leaves is recomputed, proofs and all") {
  const auto file = corpus("ledger/merkle-proofs/rfc6962-reference-tree.json");
  if (!file) return;
  const Json v = json_of(*file);
  std::vector<Hash> leaves;
  for (const Json& input : v.at("leaf_inputs_hex"))
    leaves.push_back(leaf_hash(must(from_hex(input.get<std::string>()))));
  const auto hex_path = [](const Json& list) {
    std::vector<Hash> path;
    for (const Json& each : list) path.push_back(hash_of(must(from_hex(each.get<std::string>()))));
    return path;
  };
  const NodeReader reader = [&](unsigned level, std::uint64_t index) -> Result<Hash> {
    return root_of(std::span(leaves).subspan(index << level, std::size_t{1} << level));
  };
  REQUIRE(leaves == hex_path(v.at("leaf_hashes_hex")));
  const auto roots = hex_path(v.at("root_hex_by_size"));
  for (std::size_t size = 0; size < roots.size(); ++size)
    REQUIRE(root_of(std::span(leaves).first(size)) == roots[size]);
  for (const Json& each : v.at("inclusion"))
    REQUIRE(must(prove_inclusion(each.at("index"), each.at("size"), reader)) ==
            hex_path(each.at("proof_hex")));
  for (const Json& each : v.at("consistency"))
    REQUIRE(must(prove_consistency(each.at("size1"), each.at("size2"), reader)) ==
            hex_path(each.at("proof_hex")));
}

TEST_CASE("notes and cosignatures are accepted and refused as their cases say") {
  for (const char* part : {"notes/cases.json", "cosignatures/cases.json"}) {
    const auto file = corpus("ledger/" + std::string(part));
    if (!file) continue;
    for (const Json& each : json_of(*file)) {
      INFO(text(each, "name"));
      std::vector<VerifierKey> keys;
      for (const Json& vkey : each.at("vkeys"))
        keys.push_back(must(VerifierKey::parse(vkey.get<std::string>())));
      // Keys that are recognised and never verified count for nothing: their lines are ignored.
      std::vector<std::string> expected;
      for (const Json& label : each.at("verified"))
        for (const VerifierKey& key : keys)
          if (key.label() == label.get<std::string>() && key.public_key())
            expected.push_back(key.label());
      const auto note = parse_note(must(from_base64(text(each, "note_b64"))));
      const auto verified = note ? verify_note(*note, keys) : std::unexpected(note.error());
      REQUIRE(verified.has_value() == (text(each, "expect") == "accept"));
      if (!verified) continue;
      std::vector<std::string> found;
      for (const auto& signer : verified->signers()) found.push_back(signer.key.label());
      CHECK(found == expected);
    }
  }
}

TEST_CASE("verifier keys are read or refused as listed") {
  const auto file = corpus("ledger/notes/vkeys.json");
  if (!file) return;
  const Json lists = json_of(*file);
  for (const Json& vkey : lists.at("accept")) {
    INFO(vkey);
    REQUIRE(must(VerifierKey::parse(vkey.get<std::string>())).to_string() ==
            vkey.get<std::string>());
  }
  for (const char* list : {"reject", "unknown_type_reject_or_ignore"})
    for (const Json& vkey : lists.at(list)) {
      INFO(vkey);
      CHECK_FALSE(VerifierKey::parse(vkey.get<std::string>()));
    }
}

TEST_CASE("checkpoint bodies are read or refused as listed") {
  const auto file = corpus("ledger/checkpoints/bodies.json");
  if (!file) return;
  for (const Json& each : json_of(*file)) {
    INFO(text(each, "name"));
    const auto parsed = parse_checkpoint(text(each, "text"));
    REQUIRE(parsed.has_value() == (text(each, "expect") == "accept"));
    if (parsed) CHECK(format_checkpoint(*parsed) == text(each, "text"));
  }
}

TEST_CASE("offline proofs are accepted and refused under the stated policy") {
  const auto folder = corpus("ledger/tlog-proof");
  if (!folder) return;
  const Json expected = json_of(*folder / "expected.json");
  std::string policy_text = "log " + text(expected, "log_vkey") + "\n";
  std::string members;
  for (const Json& vkey : expected.at("cosigner_vkeys")) {
    const std::string name = "w" + std::to_string(members.size());
    policy_text += "witness " + name + " " + vkey.get<std::string>() + "\n";
    members += " " + name;
  }
  const auto policy =
      must(parse_witness_policy(policy_text + "group g 2" + members + "\nquorum g\n"));
  for (const Json& each : expected.at("cases")) {
    INFO(text(each, "file"));
    const Bytes content = must(read_file(*folder / text(each, "file")));
    const Hash leaf = leaf_hash(must(from_base64(text(each, "entry_b64"))));
    const auto proof = parse_tlog_proof(content);
    const bool accepted = proof && verify_tlog_proof(*proof, leaf, policy);
    CHECK(accepted == (text(each, "expect") == "accept"));
    if (proof) CHECK(format_tlog_proof(*proof) == as_text(content));
  }
}

TEST_CASE("a witness answers each request of the sequences as they say") {
  for (const char* part : {"witness/sequence.json", "witness/litewitness-sequence.json"}) {
    const auto file = corpus("ledger/" + std::string(part));
    if (!file) continue;
    const Json sequence = json_of(*file);
    KnownLog log{{must(VerifierKey::parse(text(sequence, "log_vkey")))}};
    std::size_t number = 0;
    for (const Json& request : sequence.at("requests")) {
      INFO(part << ", request " << ++number);
      const auto decision = witness_decision(
          must(from_base64(text(request, "body_b64"))),
          [&](std::string_view origin) -> std::optional<KnownLog> {
            return origin == text(sequence, "origin") ? std::optional(log) : std::nullopt;
          });
      int expected = request.at("status");
      // The older reference said 403 for an unknown log, where the specification now says 404.
      if (request.value("body_contains_in_reference", Json()) == "unknown log") expected = 404;
      REQUIRE(decision.status == expected);
      if (request.contains("response_body"))
        CHECK(std::to_string(decision.known_size.value()) + "\n" == text(request, "response_body"));
      if (decision.accepted) {
        log.size = decision.accepted->size;
        log.root = decision.accepted->root;
      }
    }
  }
}

namespace {

// A log on disk: the entries are read from its bundles, everything else is recomputed from them.
struct LogOnDisk {
  Path folder;
  std::vector<Bytes> entries;
  std::vector<std::vector<Hash>> rows;  // rows[level]: hashes of tile level `level`
  std::vector<Hash> roots{empty_root()};

  LogOnDisk(const Path& path, std::uint64_t size) : folder(path) {
    CompactRange range;
    for (const Tile& tile : tiles_of_tree(size, true)) {
      if (!tile.entries) continue;
      const Bytes content = must(read_file(folder / tile_path(tile)));
      for (const ByteView entry : must(parse_bundle(content, tile.width))) add(range, entry);
    }
  }
  void add(CompactRange& range, ByteView entry) {
    entries.push_back(to_bytes(entry));
    range.append(leaf_hash(entry), [&](unsigned level, std::uint64_t, const Hash& hash) {
      if (level % tile_height != 0) return;
      if (rows.size() <= level / tile_height) rows.emplace_back();
      rows[level / tile_height].push_back(hash);
    });
    roots.push_back(range.root());
  }
  Bytes content(const Tile& tile) const {
    const auto from = static_cast<std::size_t>(tile.index * tile_width);
    if (tile.entries) return must(format_bundle(std::span(entries).subspan(from, tile.width)));
    return format_tile(std::span(rows.at(tile.level)).subspan(from, tile.width));
  }
  // Every tile and bundle that lies there must be the one we would write, byte for byte.
  std::size_t check_tiles() const {
    std::size_t checked = 0;
    for (const Path& file : files_below(folder / "tile")) {
      const std::string path = file.lexically_relative(folder).generic_string();
      INFO(path);
      const Tile tile = must(parse_tile_path(path));
      REQUIRE(equal(content(tile), must(read_file(file))));
      ++checked;
    }
    return checked;
  }
  void check_checkpoint(const Path& file, const VerifierKey& key, const std::string& origin) const {
    INFO(file.string());
    const auto checkpoint = must(verify_checkpoint(must(read_file(file)), {origin, {key}, {}, 0}));
    REQUIRE(checkpoint.root() == roots.at(checkpoint.size()));
  }
  NodeReader reader(std::uint64_t size) const {
    return node_reader(size, [this](const Tile& tile) -> Result<Bytes> { return content(tile); });
  }
};

void check_proofs(const LogOnDisk& log, const Json& proofs) {
  for (const Json& each : proofs.at("inclusion")) {
    const std::uint64_t size = each.at("size");
    const std::uint64_t index = each.at("index");
    REQUIRE(must(prove_inclusion(index, size, log.reader(size))) == path64(each.at("proof")));
    REQUIRE_OK(verify_inclusion(index, size, leaf_hash(log.entries.at(index)),
                                path64(each.at("proof")), hash64(each.at("root"))));
  }
  for (const Json& each : proofs.at("consistency")) {
    const std::uint64_t size1 = each.at("size1");
    const std::uint64_t size2 = each.at("size2");
    REQUIRE(must(prove_consistency(size1, size2, log.reader(size2))) == path64(each.at("proof")));
    REQUIRE_OK(verify_consistency(size1, log.roots.at(size1), size2, log.roots.at(size2),
                                  path64(each.at("proof"))));
  }
}

std::uint64_t largest_name(const Path& folder) {
  std::uint64_t largest = 0;
  for (const Path& file : files_below(folder))
    largest = std::max<std::uint64_t>(largest, std::stoull(file.filename().string()));
  return largest;
}

}  // namespace

TEST_CASE("the generated logs are recomputed byte for byte") {
  const auto folder = corpus("ledger/generated");
  if (!folder) return;
  std::optional<Json> keys;
  for (const auto& each : std::filesystem::directory_iterator(*folder))
    if (std::filesystem::exists(each.path() / "keys.json"))
      keys = json_of(each.path() / "keys.json");
  REQUIRE(keys);
  for (const auto& each : std::filesystem::directory_iterator(*folder)) {
    if (!std::filesystem::exists(each.path() / "checkpoints")) continue;
    INFO(each.path().string());
    const LogOnDisk log(each.path(), largest_name(each.path() / "checkpoints"));
    REQUIRE(log.check_tiles() > 0);
    if (std::filesystem::exists(each.path() / "proofs.json"))
      check_proofs(log, json_of(each.path() / "proofs.json"));
    for (const Path& file : files_below(each.path() / "checkpoints")) {
      const auto note = must(parse_note(must(read_file(file))));
      const auto checkpoint = must(parse_checkpoint(note.text));
      REQUIRE(checkpoint.root == log.roots.at(checkpoint.size));
      if (checkpoint.origin == text(*keys, "origin"))
        log.check_checkpoint(file, must(VerifierKey::parse(text(*keys, "log_vkey"))),
                             text(*keys, "origin"));
    }
  }
}

TEST_CASE("another writer's log is recomputed byte for byte") {
  const auto folder = corpus("ledger/tiles");
  if (!folder) return;
  std::size_t logs = 0;
  for (const auto& each : std::filesystem::directory_iterator(*folder)) {
    const std::string name = each.path().filename().string();
    if (!name.ends_with(".keys.json")) continue;
    const Json keys = json_of(each.path());
    const Path path = *folder / name.substr(0, name.size() - std::string(".keys.json").size());
    const auto note = must(parse_note(must(read_file(path / "checkpoint"))));
    const LogOnDisk log(path, must(parse_checkpoint(note.text)).size);
    REQUIRE(log.check_tiles() > 0);
    for (const auto& file : std::filesystem::directory_iterator(path))
      if (file.path().filename().string().starts_with("checkpoint"))
        log.check_checkpoint(file.path(), must(VerifierKey::parse(text(keys, "log_vkey"))),
                             text(keys, "origin"));
    ++logs;
  }
  REQUIRE(logs > 0);
}
