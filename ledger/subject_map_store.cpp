#include "ledger/subject_map_store.h"

#include <algorithm>

namespace attest::ledger {

namespace {

using transparency::SubjectLeaf;

constexpr std::byte leaf_mark{2};
constexpr std::byte node_mark{3};
constexpr std::size_t leaf_size = 1 + 32 + 8 + 32;
constexpr std::size_t node_size = 1 + 32 + 32;
constexpr unsigned key_bits = 256;  // and so the depth of the deepest leaf

Bytes leaf_content(const SubjectLeaf& leaf) {
  Bytes content{leaf_mark};
  append(content, leaf.key);
  append_u64_be(content, leaf.count);
  append(content, leaf.chain);
  return content;
}

Bytes empty_node() {
  Bytes content(node_size);
  content[0] = node_mark;
  return content;
}

bool is_leaf(const Bytes& content) {
  return content.size() == leaf_size;
}

Status check_node(const Bytes& content, unsigned depth) {
  const bool leaf = content.size() == leaf_size && content[0] == leaf_mark;
  const bool node = content.size() == node_size && content[0] == node_mark && depth < key_bits;
  if (leaf || node) return {};
  return fail(fault(rules::store_damaged, "a node of the subject map is damaged"));
}

SubjectLeaf read_leaf(const Bytes& content) {
  SubjectLeaf leaf;
  std::copy_n(content.begin() + 1, 32, leaf.key.begin());
  for (std::size_t i = 33; i < 41; ++i)
    leaf.count = leaf.count << 8 | static_cast<std::uint64_t>(content[i]);
  std::copy_n(content.begin() + 41, 32, leaf.chain.begin());
  return leaf;
}

std::ptrdiff_t child_offset(bool right) {
  return right ? 33 : 1;
}

Sha256 child(const Bytes& content, bool right) {
  Sha256 hash;
  std::copy_n(content.begin() + child_offset(right), 32, hash.begin());
  return hash;
}

unsigned depth_of(const Bytes& path) {
  return static_cast<unsigned>(path[0]) << 8 | static_cast<unsigned>(path[1]);
}

// parent_of cuts the last bit of a path and says whether it was 1.
std::pair<Bytes, bool> parent_of(Bytes path) {
  const unsigned depth = depth_of(path) - 1;
  const std::size_t byte = 2 + depth / 8;
  const std::byte bit = std::byte{0x80} >> (depth % 8);
  const bool right = (path[byte] & bit) != std::byte{0};
  path[byte] &= ~bit;
  path.resize(2 + (depth + 7) / 8);
  path[0] = static_cast<std::byte>(depth >> 8);
  path[1] = static_cast<std::byte>(depth & 0xff);
  return {std::move(path), right};
}

}  // namespace

Bytes map_node_path(const Sha256& key, unsigned depth) {
  Bytes path;
  append_u16_be(path, static_cast<std::uint16_t>(depth));
  append(path, ByteView(key).first((depth + 7) / 8));
  if (depth % 8 != 0) path.back() &= std::byte{0xff} << (8 - depth % 8);
  return path;
}

Result<Sha256> stored_map_root(Store& store) {
  TRY(const auto top, store.map_node(map_node_path({}, 0)));
  return top ? sha256(*top) : Sha256{};
}

Result<SubjectPlace> find_subject(Store& store, const Sha256& key) {
  SubjectPlace place;
  for (unsigned depth = 0; depth <= key_bits; ++depth) {
    TRY(const auto content, store.map_node(map_node_path(key, depth)));
    if (!content) break;
    TRY_VOID(check_node(*content, depth));
    if (is_leaf(*content)) {
      const SubjectLeaf leaf = read_leaf(*content);
      if (leaf.key == key)
        place.leaf = leaf;
      else
        place.proof.other = leaf;
      break;
    }
    place.proof.siblings.push_back(child(*content, !transparency::key_bit(key, depth)));
  }
  std::ranges::reverse(place.proof.siblings);
  return place;
}

Result<const Bytes*> SubjectMapUpdate::load(const Bytes& path) {
  if (const auto changed = changed_.find(path); changed != changed_.end()) return &changed->second;
  auto known = known_.find(path);
  if (known == known_.end()) {
    TRY(auto content, store_->map_node(path));
    if (content) TRY_VOID(check_node(*content, depth_of(path)));
    known = known_.emplace(path, std::move(content)).first;
  }
  return known->second ? &*known->second : nullptr;
}

Status SubjectMapUpdate::add(const Sha256& key, std::uint64_t index, const Sha256& entry_leaf) {
  for (unsigned depth = 0; depth <= key_bits; ++depth) {
    const Bytes path = map_node_path(key, depth);
    TRY(const Bytes* const content, load(path));
    if (content == nullptr) {
      changed_[path] = leaf_content({key, 1, transparency::chain_next({}, index, entry_leaf)});
      ++new_subjects_;
      return {};
    }
    if (!is_leaf(*content)) continue;
    SubjectLeaf leaf = read_leaf(*content);
    if (leaf.key == key) {
      ++leaf.count;
      leaf.chain = transparency::chain_next(leaf.chain, index, entry_leaf);
      changed_[path] = leaf_content(leaf);
      return {};
    }
    // Another key stands here: it moves one level down, and this key goes on from there.
    changed_[map_node_path(leaf.key, depth + 1)] = leaf_content(leaf);
    changed_[path] = empty_node();
  }
  return fail(fault(rules::store_damaged, "the subject map holds a path of more than 256 levels"));
}

Result<SubjectMapUpdate::Outcome> SubjectMapUpdate::finish() {
  Outcome outcome{};
  // Paths sort by depth, so each node's children are final when it is hashed. Parents of changed
  // nodes join the set at a smaller depth, ahead of where the walk is.
  while (!changed_.empty()) {
    auto deepest = changed_.extract(std::prev(changed_.end()));
    Bytes& path = deepest.key();
    Bytes& content = deepest.mapped();
    const Sha256 hash = sha256(content);
    if (depth_of(path) == 0) {
      outcome.root = hash;
    } else {
      auto [above, right] = parent_of(path);
      TRY(const Bytes* const parent, load(above));
      if (parent == nullptr || is_leaf(*parent))
        return fail(fault(rules::store_damaged, "the subject map holds a node without a parent"));
      Bytes updated = *parent;
      std::ranges::copy(hash, updated.begin() + child_offset(right));
      changed_[above] = std::move(updated);
    }
    outcome.nodes.push_back({std::move(path), std::move(content)});
  }
  if (outcome.nodes.empty()) {
    TRY(outcome.root, stored_map_root(*store_));
  }
  return outcome;
}

}  // namespace attest::ledger
