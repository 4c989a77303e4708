// links: attest::transparency attest::base
// COSE receipts, subtree proofs and certificate logs, as the corpus has them.
#include <cstdlib>
#include <iostream>

#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/transparency/certificate_log.h"
#include "libattest/transparency/cose_receipt.h"
#include "libattest/transparency/note.h"
#include "libattest/transparency/tile.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;
using namespace attest::transparency;

namespace {

Json json_of(const Path& file) {
  INFO(file.string());
  return must(parse_json(must(read_text_file(file))));
}

std::vector<Path> files_below(const Path& folder) {
  std::vector<Path> files;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder))
    if (each.is_regular_file()) files.push_back(each.path());
  return files;
}

// A vector may hold hashes of a wrong length on purpose; those are no hashes.
std::optional<Hash> hash64(const Json& value) {
  const auto bytes =
      value.is_string() ? from_base64(value.get<std::string>()) : Result<Bytes>(Bytes{});
  Hash hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

std::optional<std::vector<Hash>> path64(const Json& list) {
  std::vector<Hash> path;
  for (const Json& each : list) {
    const auto hash = hash64(each);
    if (!hash) return std::nullopt;
    path.push_back(*hash);
  }
  return path;
}

PublicKey key_for(const UntrustedReceipt& receipt, const Json& keys) {
  if (receipt.message.algorithm == cose::Algorithm::eddsa)
    return must(PublicKey::from_ed25519(
        must(from_base64(keys.at("ed25519_public_b64").get<std::string>()))));
  const Json& jwk = keys.at("es256_jwk");
  return must(PublicKey::from_ec_point(KeyKind::ecdsa_p256,
                                       must(from_base64url(jwk.at("x").get<std::string>())),
                                       must(from_base64url(jwk.at("y").get<std::string>()))));
}

bool accepts(const Bytes& content, const Json& each, const Json& keys) {
  const auto receipt = parse_receipt(content);
  if (!receipt) return false;
  const PublicKey key = key_for(*receipt, keys);
  if (each.at("kind") == "inclusion") {
    const Bytes entry = must(from_base64(each.at("entry_b64").get<std::string>()));
    return verify_inclusion_receipt(*receipt, leaf_hash(entry), key).has_value();
  }
  return verify_consistency_receipt(*receipt, hash64(each.at("old_root_b64")).value(), key)
      .has_value();
}

}  // namespace

TEST_CASE("COSE receipts are accepted and refused as expected.json says") {
  const auto folder = corpus("ledger/cose-receipts");
  if (!folder) return;
  for (const Path& file : files_below(*folder)) {
    if (file.filename() != "expected.json") continue;
    const Json expected = json_of(file);
    for (const Json& each : expected.at("cases")) {
      const Path receipt = file.parent_path() / each.at("file").get<std::string>();
      INFO(receipt.string());
      CHECK(accepts(must(read_file(receipt)), each, expected) == (each.at("expect") == "accept"));
    }
  }
}

TEST_CASE("the receipts of the draft are read") {
  const auto folder = corpus("ledger/cose-receipts/draft-examples");
  if (!folder) return;
  for (const Path& file : files_below(*folder)) {
    if (file.extension() != ".cbor") continue;
    INFO(file.string());
    const UntrustedReceipt receipt = must(parse_receipt(must(read_file(file))));
    CHECK_FALSE(receipt.message.payload);
    CHECK(receipt.inclusion.size() + receipt.consistency.size() == 1);
    for (const InclusionClaim& claim : receipt.inclusion)
      CHECK(root_from_path(claim.index, claim.size, Hash{}, claim.path).has_value());
  }
}

TEST_CASE("proofs of subtrees come out as their vectors say") {
  for (const char* part : {"ledger/merkle-proofs/subtreeinclusion"}) {
    const auto folder = corpus(part);
    if (!folder) continue;
    for (const Path& file : files_below(*folder)) {
      const Json v = json_of(file);
      INFO(file.string());
      const auto root = hash64(v.at("root"));
      const auto leaf = hash64(v.at("leafHash"));
      const auto path = path64(v.at("proof"));
      const bool holds = root && leaf && path &&
                         verify_subtree_inclusion(v.at("leafIdx"), {v.at("start"), v.at("end")},
                                                  *leaf, *path, *root)
                             .has_value();
      CHECK(holds == !v.at("wantErr").get<bool>());
    }
  }
}

TEST_CASE("consistency of subtrees comes out as its vectors say") {
  const auto folder = corpus("ledger/merkle-proofs/subtreeconsistency");
  if (!folder) return;
  for (const Path& file : files_below(*folder)) {
    const Json v = json_of(file);
    INFO(file.string());
    const auto inner = hash64(v.at("root1"));
    const auto root = hash64(v.at("root2"));
    const auto path = path64(v.at("proof"));
    // That library also compares roots that are no hashes; here a hash has 32 bytes by its type.
    if ((!inner || !root) && !v.at("wantErr").get<bool>()) continue;
    const bool holds =
        inner && root && path &&
        verify_subtree_consistency({v.at("start"), v.at("end")}, *inner, v.at("size"), *root, *path)
            .has_value();
    CHECK(holds == !v.at("wantErr").get<bool>());
  }
}

TEST_CASE("entries of certificate logs hash to the leaves beside them") {
  const auto folder = corpus("ledger/static-ct");
  if (!folder) return;
  std::size_t checked = 0;
  for (const auto& log : std::filesystem::directory_iterator(*folder)) {
    // A checkpoint whose description lies beside it is a sample of layout: its leaves are made up.
    if (std::filesystem::exists(log.path() / "checkpoint")) continue;
    for (const Path& file : files_below(log.path() / "tile" / "data")) {
      INFO(file.string());
      const std::string name = file.lexically_relative(log.path() / "tile" / "data").string();
      const Tile tile = must(parse_tile_path("tile/0/" + name));
      const auto leaves =
          must(parse_tile(must(read_file(log.path() / tile_path(tile))), tile.width));
      const Bytes content = must(read_file(file));
      const auto entries = must(parse_data_tile(content, tile.width));
      for (std::size_t i = 0; i < entries.size(); ++i)
        CHECK(certificate_leaf_hash(entries[i]) == leaves[i]);
      checked += entries.size();
    }
  }
  CHECK(checked > 0);
}

TEST_CASE("the checkpoint of a certificate log verifies by the key its description names") {
  const auto folder = corpus("ledger/static-ct");
  if (!folder) return;
  for (const auto& log : std::filesystem::directory_iterator(*folder)) {
    if (!std::filesystem::exists(log.path() / "log.v3.json")) continue;
    const Json described = json_of(log.path() / "log.v3.json");
    const auto note = must(parse_note(must(read_file(log.path() / "checkpoint"))));
    const PublicKey key =
        must(PublicKey::from_spki_der(must(from_base64(described.at("key").get<std::string>()))));
    const std::string origin = note.text.substr(0, note.text.find('\n'));
    const VerifierKey named = must(VerifierKey::make(origin, NoteKeyType::rfc6962, key));
    CHECK(must(VerifierKey::parse(named.to_string())).label() == named.label());
    const auto verified = must(verify_note(note, std::span(&named, 1)));
    REQUIRE(verified.signers().size() == 1);
    CHECK(verified.signers().front().time.has_value());
  }
}
