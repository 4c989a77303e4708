// What an entry's bytes alone say of it: digests, form, and what it is found by. None of it depends
// on the log, so that the cores of a machine share the work of a batch.
#pragma once

#include <span>
#include <vector>

#include "ledger/store.h"

namespace attest::ledger {

struct PreparedEntry {
  Sha256 digest;
  Sha256 leaf;
  Result<std::vector<Lookup>> lookups;  // or why the log cannot take the entry
};

// prepare_entries prepares each: at most 65,535 bytes (rules::entry_size), a statement or DSSE
// envelope, and no map root (rules::entry_map_root).
std::vector<PreparedEntry> prepare_entries(std::span<const Bytes> entries);

}  // namespace attest::ledger
