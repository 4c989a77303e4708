// Repair: puts back, in place, what rotted in a log's database, from the published files of the
// same log: a mirror, or the log's own public directory.
//
// The mirror is not believed. Its entries are hashed, and they and the tiles above them must lead
// to the root that this log signed, before a byte is written. What the signed tree does not cover
// yet is on no mirror and stays damaged; the subject map is not repaired: restore a backup for
// these.
#pragma once

#include "ledger/audit.h"
#include "ledger/store.h"

namespace attest::ledger {

struct Repaired {
  std::uint64_t bundles = 0;  // of entries, with their leaf tiles
  std::uint64_t tiles = 0;    // above the leaves
  bool index = false;         // the index by digest and lookup was made again
};

// repair reads the whole store up to a signed tree of `size` entries and `root`, which the caller
// has verified, and mends what is not of it. A mirror that lacks what is needed is incomplete
// (rules::restore_missing); one whose bytes do not lead to the root is refused
// (rules::repair_mirror), and nothing of it was written.
Result<Repaired> repair(Store& store, TileSource& mirror, std::uint64_t size, const Sha256& root);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule repair_mirror{"ledger.repair.mirror"};
}
