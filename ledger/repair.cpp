#include "ledger/repair.h"

#include <algorithm>

#include "ledger/backup.h"
#include "ledger/stored_tree.h"

namespace attest::ledger {

namespace {

using transparency::Tile;

class Mender {
 public:
  Mender(Store& store, TileSource& mirror, std::uint64_t size, const Sha256& root)
      : store_(&store), mirror_(&mirror), size_(size), root_(root) {}

  Result<Repaired> run() {
    for (std::uint64_t bundle = 0; bundle * tile_width < size_; ++bundle) {
      const auto sound = check_entries(*store_, bundle, size_);
      if (sound) continue;
      if (sound.error().rule != rules::store_damaged) return fail(sound.error());
      TRY_VOID(mend(bundle, false));
    }
    TRY_VOID(mend_above());
    TRY(const Sha256 found, transparency::root_from_nodes(size_, stored_nodes(*store_, size_)));
    if (found != root_)
      return fail(fault(rules::store_damaged, "the stored hashes do not give the signed root")
                      .expected(to_hex(root_))
                      .found(to_hex(found))
                      .next("restore a backup with a mirror"));
    TRY(done_.index, store_->heal_index());
    return done_;
  }

 private:
  // Tiles above the leaves, where their own parents, or in the end the root, disagree.
  Status mend_above() {
    for (unsigned level = 1; transparency::tile_hashes(level, size_) > 0; ++level)
      for (std::uint64_t number = 0; number * tile_width < transparency::tile_hashes(level, size_);
           ++number) {
        TRY(const bool sound, agrees_with_parent(level, number));
        if (!sound) TRY_VOID(mend(number << (transparency::tile_height * level), true));
      }
    return {};
  }

  Result<bool> agrees_with_parent(unsigned level, std::uint64_t number) {
    const unsigned width = transparency::width_in_tree(level, number, size_);
    const auto tile = stored_tile(*store_, level, number, width);
    if (!tile) return false;
    if (width < tile_width) {
      // The last tile of its level: the root is made of it.
      const auto found = transparency::root_from_nodes(size_, stored_nodes(*store_, size_));
      return found && *found == root_;
    }
    TRY(const auto hashes, transparency::parse_tile(*tile, width));
    const auto above = stored_tile(*store_, level + 1, number / tile_width,
                                   static_cast<unsigned>(number % tile_width) + 1);
    return above && equal(transparency::root_of(hashes), ByteView(*above).last(sizeof(Sha256)));
  }

  Result<Bytes> from_mirror(const Tile& tile) {
    TRY(auto content, mirror_->read(transparency::tile_path(tile)));
    if (content) return *std::move(content);
    // The full tile may have replaced it.
    Tile full = tile;
    full.width = tile_width;
    TRY(content, mirror_->read(transparency::tile_path(full)));
    if (!content)
      return fail(incomplete(rules::restore_missing, "the mirror lacks what is damaged here")
                      .within(transparency::tile_path(tile))
                      .next("name another mirror"));
    if (tile.entries) {
      TRY(const auto all, transparency::parse_bundle(*content, tile_width));
      const std::size_t end =
          static_cast<std::size_t>(all[tile.width - 1].data() - content->data()) +
          all[tile.width - 1].size();
      content->resize(end);
    } else if (content->size() > tile.width * sizeof(Sha256)) {
      content->resize(tile.width * sizeof(Sha256));
    }
    return *std::move(content);
  }

  // leads_to_root proves a bundle's first entry with some tiles replaced. A proof takes in every
  // other hash of each tile on its way, so all of these are those of the signed tree.
  bool leads_to_root(std::uint64_t bundle, const std::vector<StoredTile>& replaced) {
    const auto reader = transparency::node_reader(size_, [&](const Tile& tile) -> Result<Bytes> {
      for (const StoredTile& one : replaced)
        if (one.level == tile.level && one.number == tile.index)
          return Bytes(one.hashes.begin(), one.hashes.begin() + static_cast<std::ptrdiff_t>(
                                                                    tile.width * sizeof(Sha256)));
      return stored_tile(*store_, tile.level, tile.index, tile.width);
    });
    const std::uint64_t index = bundle * tile_width;
    const auto path = transparency::prove_inclusion(index, size_, reader);
    if (!path) return false;
    Sha256 leaf;
    std::copy_n(replaced.front().hashes.begin(), leaf.size(), leaf.begin());
    return transparency::verify_inclusion(index, size_, leaf, *path, root_).has_value();
  }

  // above_agrees says whether the hash over a full leaf tile is what the stored tile above says.
  bool above_agrees(const StoredTile& leaves) {
    if (leaves.hashes.size() < tile_width * sizeof(Sha256)) return true;
    const auto hashes = transparency::parse_tile(leaves.hashes, tile_width);
    const auto above = stored_tile(*store_, 1, leaves.number / tile_width,
                                   static_cast<unsigned>(leaves.number % tile_width) + 1);
    return hashes && above &&
           equal(transparency::root_of(*hashes), ByteView(*above).last(sizeof(Sha256)));
  }

  // add_path adds the mirror's tiles above a bundle. A proof says nothing of the hashes on its own
  // way up: these are computed, not taken.
  Status add_path(std::uint64_t bundle, std::vector<StoredTile>& tiles) {
    for (unsigned level = 1;; ++level) {
      const std::uint64_t number = bundle >> (transparency::tile_height * level);
      const unsigned width = transparency::width_in_tree(level, number, size_);
      if (width == 0) return {};
      TRY(Bytes hashes, from_mirror({level, number, width, false}));
      if (hashes.size() != width * sizeof(Sha256))
        return fail(refused(rules::repair_mirror, "the mirror's tile is torn")
                        .within(transparency::tile_path({level, number, width, false})));
      const StoredTile& below = tiles.back();
      if (below.hashes.size() == tile_width * sizeof(Sha256)) {
        TRY(const auto full, transparency::parse_tile(below.hashes, tile_width));
        std::ranges::copy(transparency::root_of(full),
                          hashes.begin() + static_cast<std::ptrdiff_t>(below.number % tile_width *
                                                                       sizeof(Sha256)));
      }
      tiles.push_back({level, number, std::move(hashes)});
    }
  }

  Status mend(std::uint64_t bundle, bool whole_path) {
    const unsigned width = transparency::width_in_tree(0, bundle, size_);
    TRY(const Bytes file, from_mirror({0, bundle, width, true}));
    TRY_WITHIN("the mirror", const auto entries, transparency::parse_bundle(file, width));
    Mending mending{bundle * tile_width, {}, {{0, bundle, {}}}};
    for (const ByteView entry : entries) {
      mending.entries.push_back(to_bytes(entry));
      append(mending.tiles.front().hashes, transparency::leaf_hash(entry));
    }
    if (whole_path || !above_agrees(mending.tiles.front()) ||
        !leads_to_root(bundle, mending.tiles)) {
      TRY_VOID(add_path(bundle, mending.tiles));
      if (!leads_to_root(bundle, mending.tiles))
        return fail(refused(rules::repair_mirror,
                            "the mirror's bytes are not those that were "
                            "signed: nothing was taken from it")
                        .within(transparency::tile_path({0, bundle, width, true}))
                        .next("name another mirror"));
    }
    ++done_.bundles;
    done_.tiles += mending.tiles.size() - 1;
    TRY_VOID(keep_what_follows(mending));
    return store_->mend(mending);
  }

  // Hashes of entries that came after the signed tree stay.
  Status keep_what_follows(Mending& mending) {
    for (StoredTile& tile : mending.tiles) {
      TRY(const auto stored, store_->tile(tile.level, tile.number));
      if (stored && stored->size() > tile.hashes.size())
        append(tile.hashes, ByteView(*stored).subspan(tile.hashes.size()));
    }
    return {};
  }

  Store* store_;
  TileSource* mirror_;
  std::uint64_t size_;
  Sha256 root_;
  Repaired done_;
};

}  // namespace

Result<Repaired> repair(Store& store, TileSource& mirror, std::uint64_t size, const Sha256& root) {
  return Mender(store, mirror, size, root).run();
}

}  // namespace attest::ledger
