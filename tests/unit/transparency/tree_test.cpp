#include "libattest/transparency/tree.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::transparency;

namespace {

// A tree in memory that computes every node from its leaves, by the definition.
struct Leaves {
  std::vector<Hash> hashes;

  explicit Leaves(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      hashes.push_back(leaf_hash(as_bytes("entry " + std::to_string(i))));
  }
  Hash root(std::size_t from, std::size_t to) const {
    if (from == to) return empty_root();
    if (to - from == 1) return hashes[from];
    std::size_t k = 1;
    while (2 * k < to - from) k *= 2;
    return node_hash(root(from, from + k), root(from + k, to));
  }
  NodeReader reader() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Hash> {
      const std::size_t width = std::size_t{1} << level;
      REQUIRE((index + 1) * width <= hashes.size());
      return root(index * width, (index + 1) * width);
    };
  }
};

}  // namespace

TEST_CASE("the root is the one the definition gives, at every size") {
  const Leaves leaves(70);
  CompactRange range;
  for (std::size_t size = 0; size <= 70; ++size) {
    REQUIRE(range.root() == leaves.root(0, size));
    REQUIRE(root_of(std::span(leaves.hashes).first(size)) == leaves.root(0, size));
    REQUIRE(must(root_from_nodes(size, leaves.reader())) == leaves.root(0, size));
    REQUIRE(must(range_from_nodes(size, leaves.reader())).hashes() == range.hashes());
    if (size < 70) range.append(leaves.hashes[size]);
  }
}

TEST_CASE("an append names each full subtree it completes") {
  const Leaves leaves(32);
  CompactRange range;
  for (const Hash& leaf : leaves.hashes)
    range.append(leaf, [&](unsigned level, std::uint64_t index, const Hash& hash) {
      REQUIRE(hash == must(leaves.reader()(level, index)));
    });
  REQUIRE(range.size() == 32);
}

TEST_CASE("every entry of every tree has a path that verifies, and only at its own place") {
  const Leaves leaves(33);
  for (std::size_t size = 1; size <= 33; ++size) {
    const Hash root = leaves.root(0, size);
    for (std::size_t index = 0; index < size; ++index) {
      const auto path = must(prove_inclusion(index, size, leaves.reader()));
      REQUIRE_OK(verify_inclusion(index, size, leaves.hashes[index], path, root));
      for (std::size_t other = 0; other < size; ++other)
        if (other != index)
          REQUIRE_FALSE(verify_inclusion(other, size, leaves.hashes[index], path, root));
    }
  }
}

TEST_CASE("a path is refused for a wrong index, length or root") {
  const Leaves leaves(13);
  const Hash root = leaves.root(0, 13);
  auto path = must(prove_inclusion(5, 13, leaves.reader()));
  REQUIRE_RULE(verify_inclusion(13, 13, leaves.hashes[5], path, root), rules::tree_index);
  REQUIRE_RULE(verify_inclusion(5, 0, leaves.hashes[5], path, root), rules::tree_index);
  REQUIRE_RULE(verify_inclusion(5, 13, leaves.hashes[6], path, root), rules::tree_root);
  auto longer = path;
  longer.push_back(root);
  REQUIRE_RULE(verify_inclusion(5, 13, leaves.hashes[5], longer, root), rules::tree_path_length);
  path.pop_back();
  REQUIRE_RULE(verify_inclusion(5, 13, leaves.hashes[5], path, root), rules::tree_path_length);
}

TEST_CASE("every tree is a prefix of every larger one, and provably so") {
  const Leaves leaves(33);
  for (std::size_t size2 = 0; size2 <= 33; ++size2)
    for (std::size_t size1 = 0; size1 <= size2; ++size1) {
      const auto path = must(prove_consistency(size1, size2, leaves.reader()));
      REQUIRE_OK(
          verify_consistency(size1, leaves.root(0, size1), size2, leaves.root(0, size2), path));
    }
}

TEST_CASE("a tree that changed its past is not consistent") {
  const Leaves leaves(13);
  const Hash old_root = leaves.root(0, 6);
  const Hash new_root = leaves.root(0, 13);
  const auto path = must(prove_consistency(6, 13, leaves.reader()));
  const Hash other = leaf_hash(as_bytes("another history"));
  REQUIRE_RULE(verify_consistency(6, other, 13, new_root, path), rules::tree_root);
  REQUIRE_RULE(verify_consistency(6, old_root, 13, other, path), rules::tree_root);
  REQUIRE_RULE(verify_consistency(13, new_root, 6, old_root, path), rules::tree_sizes);
  REQUIRE_RULE(verify_consistency(13, new_root, 13, other, {}), rules::tree_root);
  REQUIRE_RULE(verify_consistency(13, new_root, 13, new_root, path), rules::tree_path_length);
  REQUIRE_RULE(verify_consistency(0, other, 13, new_root, {}), rules::tree_root);
  REQUIRE_RULE(verify_consistency(0, empty_root(), 13, new_root, path), rules::tree_path_length);
  REQUIRE_RULE(verify_consistency(6, old_root, 13, new_root, {}), rules::tree_path_length);
  auto longer = path;
  longer.push_back(other);
  REQUIRE_RULE(verify_consistency(6, old_root, 13, new_root, longer), rules::tree_path_length);
  auto shorter = path;
  shorter.pop_back();
  REQUIRE_RULE(verify_consistency(6, old_root, 13, new_root, shorter), rules::tree_path_length);
}

TEST_CASE("proofs reach to the largest size there is") {
  const NodeReader any = [](unsigned, std::uint64_t) -> Result<Hash> { return Hash{}; };
  const auto path = must(prove_inclusion(UINT64_MAX - 1, UINT64_MAX, any));
  const Hash root = must(root_from_path(UINT64_MAX - 1, UINT64_MAX, Hash{}, path));
  REQUIRE_OK(verify_inclusion(UINT64_MAX - 1, UINT64_MAX, Hash{}, path, root));
  REQUIRE(must(prove_consistency(UINT64_MAX - 1, UINT64_MAX, any)).size() <= 64);
  REQUIRE_RULE(prove_inclusion(3, 3, any), rules::tree_index);
  REQUIRE_RULE(prove_consistency(4, 3, any), rules::tree_sizes);
}

TEST_CASE("a range is restored only with the subtrees its size names") {
  REQUIRE_OK(CompactRange::from(5, {Hash{}, Hash{}}));
  REQUIRE_RULE(CompactRange::from(5, {Hash{}}), rules::tree_range);
}
