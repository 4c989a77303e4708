// The subject map, kept in a Store: each node is a row named by its path and holding the bytes
// whose SHA-256 is its hash. So an update reads and writes one row a level, and a proof is a walk.
//
//   path   u16 big-endian depth ‖ the key's first `depth` bits, zero-filled to whole bytes
//   leaf   0x02 ‖ key ‖ u64be count ‖ chain      (libattest/transparency/subject_map.h)
//   node   0x03 ‖ left hash ‖ right hash
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "ledger/store.h"
#include "libattest/transparency/subject_map.h"

namespace attest::ledger {

// map_node_path names the node at `depth` on the way to `key`.
Bytes map_node_path(const Sha256& key, unsigned depth);

// stored_map_root gives the root of the map as it is stored; 32 zero bytes when it is empty.
Result<Sha256> stored_map_root(Store& store);

// SubjectPlace is where a key's path ends: its own leaf, or the proof that there is none.
struct SubjectPlace {
  std::optional<transparency::SubjectLeaf> leaf;  // nothing: absent
  transparency::SubjectProof proof;
};
Result<SubjectPlace> find_subject(Store& store, const Sha256& key);

// SubjectMapUpdate gathers changes on top of what a store holds; it writes nothing itself.
class SubjectMapUpdate {
 public:
  explicit SubjectMapUpdate(Store& store) : store_(&store) {}

  // add notes that entry `index`, of this leaf hash, speaks of the subject with this key. Entries
  // come in ascending order, each subject once an entry.
  Status add(const Sha256& key, std::uint64_t index, const Sha256& entry_leaf);

  std::uint64_t new_subjects() const { return new_subjects_; }

  struct Outcome {
    Sha256 root;
    std::vector<MapNode> nodes;  // rows to write
  };
  // finish hashes what changed, deepest first.
  Result<Outcome> finish();

 private:
  Result<const Bytes*> load(const Bytes& path);

  Store* store_;
  std::map<Bytes, Bytes> changed_;               // by path: depth first, so deepest last
  std::map<Bytes, std::optional<Bytes>> known_;  // read and not changed
  std::uint64_t new_subjects_ = 0;
};

}  // namespace attest::ledger
