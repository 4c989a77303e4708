#include "libattest/transparency/subject_map.h"

#include <algorithm>
#include <map>

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::transparency;

namespace {

// The root by the definition, from sorted leaves; recursion is as deep as the test's own keys go.
Hash defined_root(std::span<const SubjectLeaf> leaves, unsigned depth) {
  if (leaves.empty()) return Hash{};
  if (leaves.size() == 1) return subject_leaf_hash(leaves[0].key, leaves[0].count, leaves[0].chain);
  const auto middle = std::ranges::partition_point(
      leaves, [&](const SubjectLeaf& leaf) { return !key_bit(leaf.key, depth); });
  const auto left = static_cast<std::size_t>(middle - leaves.begin());
  return subject_node_hash(defined_root(leaves.first(left), depth + 1),
                           defined_root(leaves.subspan(left), depth + 1));
}

std::string subject(std::size_t i) {
  return "sha256:" + std::to_string(i);
}

Hash entry(std::uint64_t i) {
  return leaf_hash(as_bytes(std::to_string(i)));
}

SubjectMap map_of(std::size_t subjects) {
  SubjectMap map;
  for (std::size_t i = 0; i < subjects; ++i) map.add(subject(i), i, entry(i));
  return map;
}

// A key that differs from `like` first at bit `depth`.
Hash flipped(Hash like, unsigned depth) {
  like[depth / 8] ^= static_cast<std::byte>(0x80 >> (depth % 8));
  return like;
}

}  // namespace

TEST_CASE("the map's root is the one the definition gives, whatever the order of its changes") {
  std::map<Hash, SubjectLeaf> leaves;
  SubjectMap map;
  REQUIRE(map.root() == Hash{});
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Hash key = subject_key(subject(i * i % 97));
    map.add(key, i, entry(i));
    SubjectLeaf& leaf = leaves[key];
    leaf = {key, leaf.count + 1, chain_next(leaf.chain, i, entry(i))};
    if (i % 7 != 0) continue;
    std::vector<SubjectLeaf> sorted;
    for (const auto& [_, value] : leaves) sorted.push_back(value);
    REQUIRE(map.root() == defined_root(sorted, 0));
  }
  REQUIRE(map.subjects() == leaves.size());
}

TEST_CASE("hashes are those of the format") {
  const Hash one = subject_key("a");
  REQUIRE(one == sha256(as_bytes("attest-subject-v1a")));
  Bytes leaf = {std::byte{2}};
  append(leaf, one);
  append_u64_be(leaf, 3);
  append(leaf, Hash{});
  REQUIRE(subject_leaf_hash(one, 3, Hash{}) == sha256(leaf));
  Bytes chain = {std::byte{4}};
  append(chain, Hash{});
  append_u64_be(chain, 9);
  append(chain, one);
  REQUIRE(chain_next(Hash{}, 9, one) == sha256(chain));
}

TEST_CASE("every subject can be proven present, and every other absent") {
  for (const std::size_t count : {0UL, 1UL, 2UL, 3UL, 50UL}) {
    SubjectMap map = map_of(count);
    for (std::size_t i = 0; i < count + 20; ++i) {
      const Hash key = subject_key(subject(i));
      const SubjectProof proof = map.prove(key);
      if (i < count) {
        REQUIRE_OK(verify_present(map.root(), *map.find(key), proof));
        REQUIRE_FALSE(verify_absent(map.root(), key, proof));
      } else {
        REQUIRE_FALSE(map.find(key));
        REQUIRE_OK(verify_absent(map.root(), key, proof));
        const SubjectLeaf invented{key, 1, chain_next({}, 0, entry(0))};
        REQUIRE_FALSE(verify_present(map.root(), invented, {proof.siblings, {}}));
      }
    }
  }
}

TEST_CASE("an entry cannot be left out, added or swapped in a subject's chain") {
  SubjectMap map = map_of(20);
  for (std::uint64_t i = 20; i < 23; ++i) map.add(subject(4), i, entry(i));
  const Hash key = subject_key(subject(4));
  const SubjectProof proof = map.prove(key);
  const auto chain = [](std::vector<std::uint64_t> indexes) {
    SubjectLeaf leaf{subject_key(subject(4)), indexes.size(), {}};
    for (const std::uint64_t i : indexes) leaf.chain = chain_next(leaf.chain, i, entry(i));
    return leaf;
  };
  REQUIRE_OK(verify_present(map.root(), chain({4, 20, 21, 22}), proof));
  REQUIRE_RULE(verify_present(map.root(), chain({4, 20, 21}), proof), rules::subject_proof_root);
  REQUIRE_RULE(verify_present(map.root(), chain({4, 20, 22, 21}), proof),
               rules::subject_proof_root);
  REQUIRE_RULE(verify_present(map.root(), chain({4, 19, 20, 21, 22}), proof),
               rules::subject_proof_root);
}

TEST_CASE("a proof of presence names nothing else and no empty chain") {
  SubjectMap map = map_of(5);
  const Hash key = subject_key(subject(1));
  SubjectProof proof = map.prove(key);
  SubjectLeaf leaf = *map.find(key);
  leaf.count = 0;
  REQUIRE_RULE(verify_present(map.root(), leaf, proof), rules::subject_proof_form);
  proof.other = map.find(subject_key(subject(2)));
  REQUIRE_RULE(verify_present(map.root(), *map.find(key), proof), rules::subject_proof_form);
  proof = {std::vector<Hash>(257, entry(1)), {}};
  REQUIRE_RULE(verify_present(map.root(), *map.find(key), proof), rules::subject_proof_form);
  REQUIRE_RULE(verify_absent(map.root(), key, proof), rules::subject_proof_form);
}

TEST_CASE("a leaf that stands deeper than it should is refused, even under its own root") {
  // A log could hang a key's leaf too deep, so as to show another path to someone else.
  const SubjectLeaf leaf{subject_key("a"), 1, entry(0)};
  const SubjectProof proof{{Hash{}}, {}};
  const Hash hash = subject_leaf_hash(leaf.key, leaf.count, leaf.chain);
  const Hash root =
      key_bit(leaf.key, 0) ? subject_node_hash({}, hash) : subject_node_hash(hash, {});
  REQUIRE_RULE(verify_present(root, leaf, proof), rules::subject_proof_depth);
  const SubjectProof other{{Hash{}}, leaf};
  REQUIRE_RULE(verify_absent(root, flipped(leaf.key, 9), other), rules::subject_proof_depth);
}

TEST_CASE("another leaf proves absence only from the place of the absent key") {
  SubjectMap map = map_of(2);
  const Hash present = subject_key(subject(0));
  const Hash absent = flipped(present, 200);
  SubjectProof proof = map.prove(absent);
  REQUIRE_OK(verify_absent(map.root(), absent, proof));
  REQUIRE_RULE(verify_absent(map.root(), present, {proof.siblings, map.find(present)}),
               rules::subject_proof_other);
  REQUIRE_RULE(verify_absent(map.root(), flipped(present, 0), proof), rules::subject_proof_other);
  proof.other->count += 1;
  REQUIRE_RULE(verify_absent(map.root(), absent, proof), rules::subject_proof_root);
  REQUIRE_RULE(verify_absent(map.root(), absent, {proof.siblings, {}}), rules::subject_proof_root);
}

TEST_CASE("keys that differ in their last bit alone lie 256 deep") {
  SubjectMap map;
  const Hash a = subject_key("a");
  const Hash b = flipped(a, 255);
  map.add(a, 0, entry(0));
  map.add(b, 1, entry(1));
  const SubjectProof proof = map.prove(b);
  REQUIRE(proof.siblings.size() == 256);
  REQUIRE_OK(verify_present(map.root(), *map.find(b), proof));
  REQUIRE_OK(verify_absent(map.root(), flipped(a, 100), map.prove(flipped(a, 100))));
}

TEST_CASE("an entry counts once for a subject, and a stored leaf continues where it was") {
  SubjectMap once = map_of(3);
  SubjectMap twice = map_of(3);
  twice.add(subject(1), 1, entry(1));
  REQUIRE(once.root() == twice.root());
  SubjectMap restored;
  for (std::size_t i = 0; i < 3; ++i) restored.put(*once.find(subject_key(subject(i))), i);
  restored.add(subject(2), 2, entry(2));
  REQUIRE(restored.root() == once.root());
}
