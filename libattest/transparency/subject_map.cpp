#include "libattest/transparency/subject_map.h"

#include <algorithm>

namespace attest::transparency {

std::uint32_t SubjectMap::make_leaf(const Hash& key) {
  Node node;
  node.is_leaf = true;
  node.leaf.key = key;
  nodes_.push_back(node);
  ++subjects_;
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

std::uint32_t SubjectMap::make_inner() {
  nodes_.emplace_back();
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void SubjectMap::attach(std::uint32_t parent, bool side, std::uint32_t child) {
  (parent == none ? top_ : nodes_[parent].child[side]) = child;
}

// Walks to the key's leaf and makes it where there is none; marks everything on the way stale.
std::uint32_t SubjectMap::leaf_of(const Hash& key) {
  std::uint32_t parent = none;
  bool side = false;
  std::uint32_t at = top_;
  unsigned depth = 0;
  for (; at != none && !nodes_[at].is_leaf; ++depth) {
    nodes_[at].stale = true;
    parent = at;
    side = key_bit(key, depth);
    at = nodes_[at].child[side];
  }
  if (at == none) {
    const std::uint32_t leaf = make_leaf(key);
    attach(parent, side, leaf);
    return leaf;
  }
  if (nodes_[at].leaf.key == key) return at;

  // Another key's leaf stands here: both go down to the first bit in which they differ.
  const Hash other = nodes_[at].leaf.key;
  for (;; ++depth) {
    const std::uint32_t inner = make_inner();
    attach(parent, side, inner);
    parent = inner;
    side = key_bit(key, depth);
    if (side != key_bit(other, depth)) break;
  }
  attach(parent, !side, at);
  const std::uint32_t leaf = make_leaf(key);
  attach(parent, side, leaf);
  return leaf;
}

void SubjectMap::add(std::string_view subject, std::uint64_t index, const Hash& entry_leaf) {
  add(subject_key(subject), index, entry_leaf);
}

void SubjectMap::add(const Hash& key, std::uint64_t index, const Hash& entry_leaf) {
  Node& node = nodes_[leaf_of(key)];
  if (node.leaf.count > 0 && index <= node.last_index) return;
  node.leaf.chain = chain_next(node.leaf.chain, index, entry_leaf);
  node.leaf.count += 1;
  node.last_index = index;
  node.stale = true;
}

void SubjectMap::put(const SubjectLeaf& leaf, std::uint64_t last_index) {
  Node& node = nodes_[leaf_of(leaf.key)];
  node.leaf = leaf;
  node.last_index = last_index;
  node.stale = true;
}

Hash SubjectMap::hash_of(std::uint32_t node) const {
  return node == none ? Hash{} : nodes_[node].hash;
}

// Recomputes what is stale, children before parents, with a stack of its own: the depth of the trie
// is in the hands of whoever chooses subjects.
void SubjectMap::refresh() {
  std::vector<std::uint32_t> order;
  if (top_ != none && nodes_[top_].stale) order.push_back(top_);
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const std::uint32_t child : nodes_[order[i]].child)
      if (child != none && nodes_[child].stale) order.push_back(child);
  }
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    Node& node = nodes_[*at];
    node.hash = node.is_leaf ? subject_leaf_hash(node.leaf.key, node.leaf.count, node.leaf.chain)
                             : subject_node_hash(hash_of(node.child[0]), hash_of(node.child[1]));
    node.stale = false;
  }
}

Hash SubjectMap::root() {
  refresh();
  return hash_of(top_);
}

std::optional<SubjectLeaf> SubjectMap::find(const Hash& key) const {
  std::uint32_t at = top_;
  for (unsigned depth = 0; at != none && !nodes_[at].is_leaf; ++depth)
    at = nodes_[at].child[key_bit(key, depth)];
  if (at == none || nodes_[at].leaf.key != key) return std::nullopt;
  return nodes_[at].leaf;
}

SubjectProof SubjectMap::prove(const Hash& key) {
  refresh();
  SubjectProof proof;
  std::uint32_t at = top_;
  for (unsigned depth = 0; at != none && !nodes_[at].is_leaf; ++depth) {
    const bool side = key_bit(key, depth);
    proof.siblings.push_back(hash_of(nodes_[at].child[!side]));
    at = nodes_[at].child[side];
  }
  std::ranges::reverse(proof.siblings);
  if (at != none && nodes_[at].leaf.key != key) proof.other = nodes_[at].leaf;
  return proof;
}

}  // namespace attest::transparency
