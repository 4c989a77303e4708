// The Merkle tree of a log: RFC 6962 section 2.1 (RFC 9162 section 2.1), SHA-256.
//
//   root of nothing     SHA-256 of the empty string
//   leaf                SHA-256(0x00 ‖ entry)
//   node                SHA-256(0x01 ‖ left ‖ right)
//   root of n > 1       node(root of the first k, root of the rest), k the largest power of two
//                       smaller than n
//
// A *full subtree* (level, index) is the root of the 2^level leaves from index · 2^level on; leaves
// are level 0. Sizes and indexes are 64-bit; nothing here recurses. All functions are pure;
// CompactRange is a plain value.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "libattest/crypto/digest.h"

namespace attest::transparency {

using Hash = Sha256;

Hash empty_root();
Hash leaf_hash(ByteView entry);
Hash node_hash(const Hash& left, const Hash& right);
Hash root_of(std::span<const Hash> leaf_hashes);

// CompactRange is what an appender must keep of a tree: the roots of the full subtrees that the
// bits of its size name, largest first; at most 64 hashes.
class CompactRange {
 public:
  // Visitor is told of each full subtree that an append completes, leaf first.
  using Visitor = std::function<void(unsigned level, std::uint64_t index, const Hash&)>;

  CompactRange() = default;
  // from restores a range; the number of hashes must be the number of one bits of `size`.
  static Result<CompactRange> from(std::uint64_t size, std::vector<Hash> hashes);

  void append(const Hash& leaf);
  void append(const Hash& leaf, const Visitor& completed);

  std::uint64_t size() const { return size_; }
  const std::vector<Hash>& hashes() const { return hashes_; }
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> hashes_;
};

// root_from_path gives the root that an inclusion path leads to (RFC 9162 section 2.1.3.2). It
// refuses an index outside the tree and a path of another length than the place asks for.
Result<Hash> root_from_path(std::uint64_t index, std::uint64_t size, const Hash& leaf,
                            std::span<const Hash> path);

// verify_inclusion checks, in this order (RFC 9162 section 2.1.3.2):
//   - index < size;
//   - the path has exactly the length that the place in the tree asks for;
//   - the path leads from the leaf to `root`.
// Not checked: that the root is anyone's; see checkpoint.h.
Status verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash& leaf,
                        std::span<const Hash> path, const Hash& root);

// verify_consistency checks that the tree (size1, root1) is a prefix of (size2, root2), in this
// order (RFC 9162 section 2.1.4.2):
//   - size1 ≤ size2;
//   - size1 = 0: root1 is the empty root and the path is empty (as tlog-witness has it);
//   - size1 = size2: the path is empty and the roots are equal;
//   - the path has exactly the length that the two sizes ask for;
//   - it leads to root1 and to root2.
Status verify_consistency(std::uint64_t size1, const Hash& root1, std::uint64_t size2,
                          const Hash& root2, std::span<const Hash> path);

// newer_root_from_path gives the root of the newer tree that a consistency path leads to from the
// older one. It makes verify_consistency's checks but the last, for 0 < size1 < size2; equal sizes
// give root1 for an empty path, and nothing follows from an empty tree (rules::tree_sizes).
Result<Hash> newer_root_from_path(std::uint64_t size1, const Hash& root1, std::uint64_t size2,
                                  std::span<const Hash> path);

// A *subtree* is the tree over the leaves from `start` to before `end`, where start is a multiple
// of the smallest power of two that is not less than end - start
// (draft-ietf-plants-merkle-tree-certs section 4); another range is refused (rules::tree_subtree).
struct Subtree {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

// verify_subtree_inclusion is verify_inclusion of leaf `index` (of the whole log) in a subtree.
Status verify_subtree_inclusion(std::uint64_t index, Subtree subtree, const Hash& leaf,
                                std::span<const Hash> path, const Hash& subtree_root);

// verify_subtree_consistency checks that the subtree is part of the tree (size, root): the range is
// a subtree and ends within the tree; the path has exactly the length asked for, and leads to both
// roots. The empty subtree is part of every tree, with the empty root and an empty path.
Status verify_subtree_consistency(Subtree subtree, const Hash& subtree_root, std::uint64_t size,
                                  const Hash& root, std::span<const Hash> path);

// NodeReader gives the hash of a full subtree; tiles, a database or memory may stand behind it.
using NodeReader = std::function<Result<Hash>(unsigned level, std::uint64_t index)>;

// Each asks the reader for at most 2·64 nodes, all of full subtrees within `size`.
Result<Hash> root_from_nodes(std::uint64_t size, const NodeReader& reader);
Result<std::vector<Hash>> prove_inclusion(std::uint64_t index, std::uint64_t size,
                                          const NodeReader& reader);
Result<std::vector<Hash>> prove_consistency(std::uint64_t size1, std::uint64_t size2,
                                            const NodeReader& reader);
// range_from_nodes restores the appender's state of a tree.
Result<CompactRange> range_from_nodes(std::uint64_t size, const NodeReader& reader);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule tree_index{"transparency.tree.index"};
inline constexpr Rule tree_path_length{"transparency.tree.path-length"};
inline constexpr Rule tree_root{"transparency.tree.root"};
inline constexpr Rule tree_subtree{"transparency.tree.subtree"};
inline constexpr Rule tree_sizes{"transparency.tree.sizes"};
inline constexpr Rule tree_range{"transparency.tree.range"};
}  // namespace attest::rules
