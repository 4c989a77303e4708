#include "libattest/transparency/cose_receipt.h"

#include "libattest/crypto/random.h"
#include "libattest/transparency/certificate_log.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::transparency;

namespace {

struct Tree {
  std::vector<Hash> leaves;
  std::unique_ptr<SigningKey> key;

  explicit Tree(std::uint64_t size, KeyKind kind = KeyKind::ed25519)
      : key(must(make_signing_key(kind, system_random()))) {
    for (std::uint64_t i = 0; i < size; ++i) leaves.push_back(leaf(i));
  }
  static Hash leaf(std::uint64_t i) { return leaf_hash(as_bytes(std::to_string(i))); }
  Hash root(std::uint64_t size) const {
    return root_of(std::span(leaves).first(static_cast<std::size_t>(size)));
  }
  NodeReader reader() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Hash> {
      return root_of(std::span(leaves).subspan(index << level, std::size_t{1} << level));
    };
  }
  InclusionClaim inclusion(std::uint64_t index) const {
    const std::uint64_t size = leaves.size();
    return {size, index, must(prove_inclusion(index, size, reader()))};
  }
  ConsistencyClaim consistency(std::uint64_t older) const {
    const std::uint64_t size = leaves.size();
    return {older, size, must(prove_consistency(older, size, reader()))};
  }
  Bytes receipt(std::uint64_t index) const {
    return must(sign_inclusion_receipt(inclusion(index), root(leaves.size()), "log.example/a",
                                       "sha256:00", *key));
  }
};

// made writes a receipt with headers of the test's choice.
Bytes made(const Tree& tree, cbor::Map more_protected, cbor::Map unprotected, bool detached,
           const Hash& root) {
  cose::Sign1Content content;
  content.more_protected = std::move(more_protected);
  content.unprotected = std::move(unprotected);
  content.payload = to_bytes(ByteView(root));
  content.detached = detached;
  return must(cose::sign1(content, *tree.key));
}

cbor::Map proofs(int kind, std::uint64_t first, std::uint64_t second,
                 const std::vector<Hash>& path) {
  cbor::Array hashes;
  for (const Hash& hash : path) hashes.emplace_back(hash);
  const Bytes proof = cbor::encode(cbor::Array{first, second, hashes});
  return {{396, cbor::Map{{kind, cbor::Array{cbor::Value(proof)}}}}};
}

}  // namespace

TEST_CASE(
    "a receipt of inclusion proves each entry of trees of many sizes, by either kind of key") {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256})
    for (const unsigned size : {1U, 2U, 3U, 7U, 8U, 13U}) {
      const Tree tree(size, kind);
      for (std::uint64_t i = 0; i < size; ++i) {
        const auto receipt = must(parse_receipt(tree.receipt(i)));
        CHECK_FALSE(receipt.message.payload);
        const auto verified =
            must(verify_inclusion_receipt(receipt, tree.leaves[i], tree.key->public_key()));
        CHECK(verified.claim().index == i);
        CHECK(verified.root() == tree.root(size));
        CHECK(verified.claims().issuer == "log.example/a");
        CHECK(verified.claims().subject == "sha256:00");
      }
    }
}

TEST_CASE("a receipt of inclusion holds for its entry and its log's key alone") {
  const Tree tree(7);
  const Tree other(7);
  const auto receipt = must(parse_receipt(tree.receipt(3)));
  REQUIRE_RULE(verify_inclusion_receipt(receipt, tree.leaves[4], tree.key->public_key()),
               rules::cose_signature);
  REQUIRE_RULE(verify_inclusion_receipt(receipt, tree.leaves[3], other.key->public_key()),
               rules::cose_signature);
}

TEST_CASE("a path that does not fit its place is refused before any signature") {
  const Tree tree(7);
  InclusionClaim claim = tree.inclusion(3);
  claim.path.pop_back();
  const Bytes signed_receipt =
      must(sign_inclusion_receipt(claim, tree.root(7), "log.example/a", {}, *tree.key));
  const auto receipt = must(parse_receipt(signed_receipt));
  REQUIRE_RULE(verify_inclusion_receipt(receipt, tree.leaves[3], tree.key->public_key()),
               rules::tree_path_length);
}

TEST_CASE("a receipt of consistency proves growth from the root that the reader knows") {
  const Tree tree(13);
  for (std::uint64_t older = 1; older <= 13; ++older) {
    const Bytes bytes = must(sign_consistency_receipt(tree.consistency(older), tree.root(13),
                                                      "log.example/a", *tree.key));
    const auto receipt = must(parse_receipt(bytes));
    const auto verified =
        must(verify_consistency_receipt(receipt, tree.root(older), tree.key->public_key()));
    CHECK(verified.root() == tree.root(13));
    CHECK_FALSE(verify_consistency_receipt(receipt, Tree::leaf(99), tree.key->public_key()));
    REQUIRE_RULE(verify_inclusion_receipt(receipt, tree.leaves[0], tree.key->public_key()),
                 rules::receipt_kind);
  }
}

TEST_CASE("a receipt of inclusion is none of consistency") {
  const Tree tree(5);
  const auto receipt = must(parse_receipt(tree.receipt(2)));
  REQUIRE_RULE(verify_consistency_receipt(receipt, tree.root(2), tree.key->public_key()),
               rules::receipt_kind);
}

TEST_CASE("a receipt of another data structure, or of none, is told apart") {
  const Tree tree(5);
  const auto claim = tree.inclusion(2);
  const cbor::Map proof = proofs(-1, claim.size, claim.index, claim.path);
  REQUIRE_OK(parse_receipt(made(tree, {{395, 1}}, proof, true, tree.root(5))));
  const auto ccf = parse_receipt(made(tree, {{395, 2}}, proof, true, tree.root(5)));
  REQUIRE_RULE(ccf, rules::receipt_vds);
  CHECK(ccf.error().found_value == "2, a CCF ledger");
  REQUIRE_RULE(parse_receipt(made(tree, {}, proof, true, tree.root(5))), rules::receipt_vds);
  cbor::Map unprotected = proof;
  unprotected.emplace_back(395, 1);
  REQUIRE_RULE(parse_receipt(made(tree, {}, unprotected, true, tree.root(5))), rules::receipt_vds);
}

TEST_CASE("a root that is attached must be the one the proof leads to") {
  const Tree tree(5);
  const auto claim = tree.inclusion(2);
  const cbor::Map proof = proofs(-1, claim.size, claim.index, claim.path);
  const auto good = must(parse_receipt(made(tree, {{395, 1}}, proof, false, tree.root(5))));
  REQUIRE_OK(verify_inclusion_receipt(good, tree.leaves[2], tree.key->public_key()));
  const auto bad = must(parse_receipt(made(tree, {{395, 1}}, proof, false, tree.root(4))));
  REQUIRE_RULE(verify_inclusion_receipt(bad, tree.leaves[2], tree.key->public_key()),
               rules::receipt_root);
}

TEST_CASE("a receipt without proofs, or with unknown ones, is malformed") {
  const Tree tree(5);
  const auto parse = [&](cbor::Map unprotected) {
    return parse_receipt(made(tree, {{395, 1}}, std::move(unprotected), true, tree.root(5)));
  };
  REQUIRE_RULE(parse({}), rules::cose_receipt_form);
  REQUIRE_RULE(parse({{396, cbor::Map{}}}), rules::cose_receipt_form);
  REQUIRE_RULE(parse({{396, cbor::Map{{-1, cbor::Array{}}}}}), rules::cose_receipt_form);
  REQUIRE_RULE(parse(proofs(-3, 5, 2, {})), rules::cose_receipt_form);
  REQUIRE_RULE(parse(proofs(-1, 5, 2, std::vector<Hash>(65))), rules::cose_receipt_form);
}

TEST_CASE("a subtree is proved part of every tree that holds it, and of no other") {
  const Tree tree(13);
  // The subtree of leaves 8 to 13 is the right part of the tree; that of 4 to 8 is a full one.
  const Hash right = root_of(std::span(tree.leaves).subspan(8, 5));
  const Hash left = tree.root(8);
  REQUIRE_OK(verify_subtree_consistency({8, 13}, right, 13, tree.root(13), {&left, 1}));
  CHECK_FALSE(verify_subtree_consistency({8, 13}, left, 13, tree.root(13), {&left, 1}));
  REQUIRE_RULE(verify_subtree_consistency({8, 13}, right, 13, tree.root(12), {&left, 1}),
               rules::tree_root);
  REQUIRE_RULE(verify_subtree_consistency({8, 13}, right, 12, tree.root(12), {&left, 1}),
               rules::tree_sizes);
  REQUIRE_RULE(verify_subtree_consistency({2, 5}, right, 13, tree.root(13), {&left, 1}),
               rules::tree_subtree);
  const std::vector<Hash> path{tree.leaves[5], node_hash(tree.leaves[6], tree.leaves[7])};
  const Hash full = root_of(std::span(tree.leaves).subspan(4, 4));
  REQUIRE_OK(verify_subtree_inclusion(4, {4, 8}, tree.leaves[4], path, full));
  REQUIRE_RULE(verify_subtree_inclusion(3, {4, 8}, tree.leaves[4], path, full), rules::tree_index);
  REQUIRE_RULE(verify_subtree_inclusion(4, {4, 4}, tree.leaves[4], path, full),
               rules::tree_subtree);
}

TEST_CASE("entries of a certificate log are read whole, and nothing after them") {
  Bytes entry;
  append_u64_be(entry, 1000);
  append_u16_be(entry, 1);
  entry.resize(entry.size() + 32);  // issuer key hash
  append(entry, to_bytes(std::string_view("\0\0\2ab\0\1x", 8)));
  const Bytes timestamped = entry;
  append(entry, to_bytes(std::string_view("\0\0\3pre\0\40", 8)));
  entry.resize(entry.size() + 32);
  Bytes two = entry;
  append(two, entry);
  const auto entries = must(parse_data_tile(two, 2));
  REQUIRE(entries.size() == 2);
  CHECK(as_text(entries[1].certificate) == "ab");
  CHECK(as_text(entries[1].precertificate) == "pre");
  CHECK(entries[1].chain.size() == 1);
  CHECK(equal(entries[1].timestamped, timestamped));
  REQUIRE_RULE(parse_data_tile(two, 1), rules::bytes_trailing);
  REQUIRE_RULE(parse_data_tile(two, 3), rules::bytes_truncated);
  two[9] = std::byte{2};
  REQUIRE_RULE(parse_data_tile(two, 2), rules::certificate_entry_form);
}
