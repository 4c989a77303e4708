#include "ledger/stored_tree.h"

#include <algorithm>

namespace attest::ledger {

using transparency::tile_height;

Result<Bytes> stored_tile(Store& store, unsigned level, std::uint64_t number, unsigned width) {
  TRY(auto hashes, store.tile(level, number));
  const std::size_t wanted = width * sizeof(Sha256);
  if (!hashes || hashes->size() < wanted)
    return fail(fault(rules::store_damaged, "a tile in the database is gone or short")
                    .expected(std::to_string(wanted) + " bytes")
                    .found(std::to_string(hashes ? hashes->size() : 0))
                    .within("tile " + std::to_string(level) + "/" + std::to_string(number)));
  hashes->resize(wanted);
  return *std::move(hashes);
}

transparency::NodeReader stored_nodes(Store& store, std::uint64_t size) {
  return transparency::node_reader(size, [&store](const transparency::Tile& tile) {
    return stored_tile(store, tile.level, tile.index, tile.width);
  });
}

namespace {

// A full leaf tile must be what the level above says of it.
Status check_against_parent(Store& store, std::uint64_t number, const Bytes& tile) {
  TRY(const auto hashes, transparency::parse_tile(tile, tile_width));
  TRY(const Bytes above,
      stored_tile(store, 1, number / tile_width, static_cast<unsigned>(number % tile_width) + 1));
  if (equal(transparency::root_of(hashes), ByteView(above).last(sizeof(Sha256)))) return {};
  return fail(fault(rules::store_damaged, "a tile in the database was altered")
                  .within("tile 0/" + std::to_string(number)));
}

}  // namespace

Result<std::vector<Bytes>> check_entries(Store& store, std::uint64_t bundle, std::uint64_t size) {
  const unsigned width = transparency::width_in_tree(0, bundle, size);
  TRY(std::vector<Bytes> entries, store.entries(bundle * tile_width, width));
  TRY(const Bytes tile, stored_tile(store, 0, bundle, width));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Sha256 leaf = transparency::leaf_hash(entries[i]);
    const ByteView stored = ByteView(tile).subspan(i * sizeof(Sha256), sizeof(Sha256));
    if (!equal(leaf, stored))
      return fail(fault(rules::store_damaged, "an entry in the database was altered")
                      .expected("leaf hash " + to_hex(stored))
                      .found(to_hex(leaf))
                      .within("entry " + std::to_string(bundle * tile_width + i))
                      .next("run: attestctl ledger fsck, and restore the entry from a mirror"));
  }
  if (width == tile_width) TRY_VOID(check_against_parent(store, bundle, tile));
  return entries;
}

Result<GrowingTree> GrowingTree::load(Store& store, std::uint64_t size, const Sha256& root) {
  GrowingTree tree;
  TRY(tree.range_, transparency::range_from_nodes(size, stored_nodes(store, size)));
  if (tree.range_.root() != root)
    return fail(fault(rules::store_damaged, "the stored hashes do not give the stored root")
                    .expected(to_hex(root))
                    .found(to_hex(tree.range_.root()))
                    .next("run: attestctl ledger fsck"));
  for (unsigned level = 0; transparency::tile_hashes(level, size) > 0; ++level) {
    const std::uint64_t hashes = transparency::tile_hashes(level, size);
    const auto width = static_cast<unsigned>(hashes % tile_width);
    if (width == 0) continue;
    const std::uint64_t number = hashes / tile_width;
    TRY(Bytes content, stored_tile(store, level, number, width));
    tree.edge_[level] = {{level, number, std::move(content)}, false};
  }
  return tree;
}

void GrowingTree::append(const Sha256& leaf) {
  range_.append(leaf, [this](unsigned height, std::uint64_t index, const Sha256& hash) {
    if (height % tile_height != 0) return;
    const unsigned level = height / tile_height;
    Edge& edge = edge_[level];
    if (index % tile_width == 0) edge.tile = {level, index / tile_width, {}};
    attest::append(edge.tile.hashes, hash);
    edge.changed = true;
    if (index % tile_width != tile_width - 1) return;
    full_.push_back(std::move(edge.tile));
    edge_.erase(level);
  });
}

std::vector<StoredTile> GrowingTree::take_changed() {
  std::vector<StoredTile> tiles = std::exchange(full_, {});
  for (auto& [level, edge] : edge_)
    if (std::exchange(edge.changed, false)) tiles.push_back(edge.tile);
  return tiles;
}

}  // namespace attest::ledger
