#include "libattest/transparency/tree.h"

#include <algorithm>
#include <bit>
#include <ranges>

namespace attest::transparency {

namespace {

constexpr std::byte leaf_prefix{0x00};
constexpr std::byte node_prefix{0x01};

// The largest power of two smaller than n, for n > 1.
std::uint64_t left_size(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

// The root over [from, to), where `from` is a multiple of the largest power of two in the length:
// so it falls into full subtrees by the bits of the length, folded from the right.
Result<Hash> range_root(std::uint64_t from, std::uint64_t to, const NodeReader& reader) {
  std::vector<Hash> parts;
  while (from < to) {
    const auto level = static_cast<unsigned>(std::bit_width(to - from) - 1);
    TRY(parts.emplace_back(), reader(level, from >> level));
    from += std::uint64_t{1} << level;
  }
  Hash root = parts.back();
  for (std::size_t i = parts.size() - 1; i-- > 0;) root = node_hash(parts[i], root);
  return root;
}

Error wrong_length(std::size_t found) {
  return refused(rules::tree_path_length, "the path has the wrong number of hashes for its place")
      .found(std::to_string(found) + " hashes");
}

Error wrong_root(const Hash& expected, const Hash& found) {
  return refused(rules::tree_root, "the path does not lead to the root")
      .expected("root " + to_hex(expected))
      .found(to_hex(found));
}

Status check_subtree(Subtree subtree) {
  const bool ordered = subtree.start < subtree.end;
  const std::uint64_t width = subtree.end - subtree.start;
  if (ordered && width <= std::uint64_t{1} << 63 && subtree.start % std::bit_ceil(width) == 0)
    return {};
  return fail(refused(rules::tree_subtree, "the range of leaves is no subtree")
                  .found(std::to_string(subtree.start) + " to " + std::to_string(subtree.end)));
}

// join_path walks up from the last node that the subtree [start, end) and the tree of `size` have
// in common: left siblings belong to both as long as the subtree goes on. It refuses a path that is
// too short or too long, or that does not lead to `inner`, and gives the root of the whole.
Result<Hash> join_path(std::uint64_t start, std::uint64_t end, const Hash& inner,
                       std::uint64_t size, std::span<const Hash> path) {
  std::uint64_t first = start;
  std::uint64_t at = end - 1;
  std::uint64_t last = size - 1;
  const auto up = [&] { first >>= 1, at >>= 1, last >>= 1; };
  if (at == last)
    while (first != at) up();
  else
    while (first != at && (at & 1) != 0) up();
  // Where the subtree is a full one it begins the path itself, and is left out of it.
  if (first != at && path.empty()) return fail(wrong_length(0));
  Hash small = first == at ? inner : path.front();
  if (first != at) path = path.subspan(1);
  Hash whole = small;
  for (const Hash& sibling : path) {
    if (last == 0) return fail(wrong_length(path.size()));
    if ((at & 1) != 0 || at == last) {
      if (first < at) small = node_hash(sibling, small);
      whole = node_hash(sibling, whole);
      while ((at & 1) == 0 && at != 0) up();
    } else {
      whole = node_hash(whole, sibling);
    }
    up();
  }
  if (last != 0) return fail(wrong_length(path.size()));
  if (small != inner) return fail(wrong_root(inner, small));
  return whole;
}

}  // namespace

Hash empty_root() {
  return sha256(ByteView{});
}

Hash leaf_hash(ByteView entry) {
  return sha256({ByteView(&leaf_prefix, 1), entry});
}

Hash node_hash(const Hash& left, const Hash& right) {
  std::array<std::byte, 65> input;
  input[0] = node_prefix;
  std::ranges::copy(left, input.begin() + 1);
  std::ranges::copy(right, input.begin() + 33);
  return sha256(ByteView(input));
}

Hash root_of(std::span<const Hash> leaf_hashes) {
  CompactRange range;
  for (const Hash& leaf : leaf_hashes) range.append(leaf);
  return range.root();
}

Result<CompactRange> CompactRange::from(std::uint64_t size, std::vector<Hash> hashes) {
  if (static_cast<std::size_t>(std::popcount(size)) != hashes.size())
    return fail(refused(rules::tree_range, "a tree of this size has another number of subtrees")
                    .expected(std::to_string(std::popcount(size)))
                    .found(std::to_string(hashes.size())));
  CompactRange range;
  range.size_ = size;
  range.hashes_ = std::move(hashes);
  return range;
}

void CompactRange::append(const Hash& leaf) {
  append(leaf, {});
}

void CompactRange::append(const Hash& leaf, const Visitor& completed) {
  Hash hash = leaf;
  if (completed) completed(0, size_, hash);
  // Each one bit at the end of the size is a full subtree that the new leaf doubles.
  unsigned level = 0;
  for (std::uint64_t rest = size_; rest & 1; rest >>= 1) {
    hash = node_hash(hashes_.back(), hash);
    hashes_.pop_back();
    ++level;
    if (completed) completed(level, size_ >> level, hash);
  }
  hashes_.push_back(hash);
  ++size_;
}

Hash CompactRange::root() const {
  if (hashes_.empty()) return empty_root();
  Hash root = hashes_.back();
  for (std::size_t i = hashes_.size() - 1; i-- > 0;) root = node_hash(hashes_[i], root);
  return root;
}

Result<Hash> root_from_path(std::uint64_t index, std::uint64_t size, const Hash& leaf,
                            std::span<const Hash> path) {
  if (index >= size)
    return fail(refused(rules::tree_index, "the index is outside the tree")
                    .expected("an index below " + std::to_string(size))
                    .found(std::to_string(index)));
  std::uint64_t at = index;
  std::uint64_t last = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : path) {
    if (last == 0) return fail(wrong_length(path.size()));
    if ((at & 1) != 0 || at == last) {
      hash = node_hash(sibling, hash);
      // A right border that is not full has no sibling on the levels it skips.
      while ((at & 1) == 0 && at != 0) at >>= 1, last >>= 1;
    } else {
      hash = node_hash(hash, sibling);
    }
    at >>= 1, last >>= 1;
  }
  if (last != 0) return fail(wrong_length(path.size()));
  return hash;
}

Status verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash& leaf,
                        std::span<const Hash> path, const Hash& root) {
  TRY(const Hash computed, root_from_path(index, size, leaf, path));
  if (computed != root) return fail(wrong_root(root, computed));
  return {};
}

Status verify_consistency(std::uint64_t size1, const Hash& root1, std::uint64_t size2,
                          const Hash& root2, std::span<const Hash> path) {
  if (size1 == 0) {
    if (!path.empty()) return fail(wrong_length(path.size()));
    if (root1 != empty_root()) return fail(wrong_root(empty_root(), root1));
    return {};
  }
  TRY(const Hash newer, newer_root_from_path(size1, root1, size2, path));
  if (newer != root2) return fail(wrong_root(root2, newer));
  return {};
}

Result<Hash> newer_root_from_path(std::uint64_t size1, const Hash& root1, std::uint64_t size2,
                                  std::span<const Hash> path) {
  if (size1 == 0 || size1 > size2)
    return fail(refused(rules::tree_sizes, "the older tree is empty or larger than the newer")
                    .expected("1 to " + std::to_string(size2))
                    .found(std::to_string(size1)));
  return join_path(0, size1, root1, size2, path);
}

Status verify_subtree_inclusion(std::uint64_t index, Subtree subtree, const Hash& leaf,
                                std::span<const Hash> path, const Hash& subtree_root) {
  TRY_VOID(check_subtree(subtree));
  if (index < subtree.start)
    return fail(refused(rules::tree_index, "the index is before the subtree")
                    .expected("at least " + std::to_string(subtree.start))
                    .found(std::to_string(index)));
  return verify_inclusion(index - subtree.start, subtree.end - subtree.start, leaf, path,
                          subtree_root);
}

Status verify_subtree_consistency(Subtree subtree, const Hash& subtree_root, std::uint64_t size,
                                  const Hash& root, std::span<const Hash> path) {
  const bool empty = subtree.start == subtree.end;
  if (!empty) TRY_VOID(check_subtree(subtree));
  if (subtree.end > size)
    return fail(refused(rules::tree_sizes, "the subtree ends outside the tree")
                    .expected("at most " + std::to_string(size))
                    .found(std::to_string(subtree.end)));
  if (empty) return verify_consistency(0, subtree_root, size, root, path);
  TRY(const Hash found, join_path(subtree.start, subtree.end, subtree_root, size, path));
  if (found != root) return fail(wrong_root(root, found));
  return {};
}

Result<Hash> root_from_nodes(std::uint64_t size, const NodeReader& reader) {
  if (size == 0) return empty_root();
  return range_root(0, size, reader);
}

Result<std::vector<Hash>> prove_inclusion(std::uint64_t index, std::uint64_t size,
                                          const NodeReader& reader) {
  if (index >= size)
    return fail(refused(rules::tree_index, "no entry has this index")
                    .expected("an index below " + std::to_string(size))
                    .found(std::to_string(index)));
  std::vector<Hash> path;
  std::uint64_t from = 0;
  std::uint64_t to = size;
  while (to - from > 1) {
    const std::uint64_t middle = from + left_size(to - from);
    if (index < middle) {
      TRY(path.emplace_back(), range_root(middle, to, reader));
      to = middle;
    } else {
      TRY(path.emplace_back(), range_root(from, middle, reader));
      from = middle;
    }
  }
  std::ranges::reverse(path);
  return path;
}

Result<std::vector<Hash>> prove_consistency(std::uint64_t size1, std::uint64_t size2,
                                            const NodeReader& reader) {
  if (size1 > size2)
    return fail(refused(rules::tree_sizes, "the older tree is larger than the newer")
                    .expected("at most " + std::to_string(size2))
                    .found(std::to_string(size1)));
  std::vector<Hash> path;
  if (size1 == 0) return path;
  // SUBPROOF of RFC 9162 section 2.1.4.1, from the top down.
  std::uint64_t from = 0;
  std::uint64_t to = size2;
  while (to != size1) {
    const std::uint64_t middle = from + left_size(to - from);
    if (size1 <= middle) {
      TRY(path.emplace_back(), range_root(middle, to, reader));
      to = middle;
    } else {
      TRY(path.emplace_back(), range_root(from, middle, reader));
      from = middle;
    }
  }
  if (from != 0) {
    TRY(path.emplace_back(), range_root(from, to, reader));
  }
  std::ranges::reverse(path);
  return path;
}

Result<CompactRange> range_from_nodes(std::uint64_t size, const NodeReader& reader) {
  std::vector<Hash> hashes;
  std::uint64_t from = 0;
  while (from < size) {
    const auto level = static_cast<unsigned>(std::bit_width(size - from) - 1);
    TRY(hashes.emplace_back(), reader(level, from >> level));
    from += std::uint64_t{1} << level;
  }
  return CompactRange::from(size, std::move(hashes));
}

}  // namespace attest::transparency
