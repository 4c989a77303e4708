// The tree of a log, read from and grown in a Store's tiles.
#pragma once

#include <map>
#include <vector>

#include "ledger/store.h"
#include "libattest/transparency/tile.h"
#include "libattest/transparency/tree.h"

namespace attest::ledger {

// stored_nodes reads full subtrees of the first `size` entries. It borrows the store.
transparency::NodeReader stored_nodes(Store& store, std::uint64_t size);

// stored_tile gives the hashes of a tile, cut to `width`; too few are rules::store_damaged.
Result<Bytes> stored_tile(Store& store, unsigned level, std::uint64_t number, unsigned width);

// check_entries reads the entries of one bundle of a tree of `size` and compares each with its leaf
// hash, and the leaf tile, when full, with the hash above it: where bits have rotted, one of these
// differs (rules::store_damaged, naming the entry).
Result<std::vector<Bytes>> check_entries(Store& store, std::uint64_t bundle, std::uint64_t size);

// GrowingTree is the right edge of a stored tree, kept in memory so that an append reads nothing.
class GrowingTree {
 public:
  // load restores the edge of the first `size` entries and checks that it gives `root`: a flipped
  // bit in the edge would otherwise be built upon.
  static Result<GrowingTree> load(Store& store, std::uint64_t size, const Sha256& root);

  std::uint64_t size() const { return range_.size(); }
  Sha256 root() const { return range_.root(); }
  void append(const Sha256& leaf);
  // take_changed gives the tiles that grew since the last call.
  std::vector<StoredTile> take_changed();

 private:
  struct Edge {
    StoredTile tile;
    bool changed = false;
  };
  transparency::CompactRange range_;
  std::map<unsigned, Edge> edge_;  // the last, partial tile of each level
  std::vector<StoredTile> full_;   // completed since take_changed
};

}  // namespace attest::ledger
