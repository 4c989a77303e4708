// StoreIndex finds the entries of a Store by digest and by lookup, in files beside it: two
// EntryIndexes that follow the store's head. What they do not cover yet is read from the store.
//
// For one thread at a time; one writer a directory (Log holds a lock).
#pragma once

#include "ledger/entry_index.h"
#include "ledger/store.h"

namespace attest::ledger {

class StoreIndex {
 public:
  // open borrows the store, whose entries, tiles and head it reads.
  static Result<StoreIndex> open(Store& store, FileSystem& files, const Path& directory,
                                 bool writer, IndexLimits limits = {});

  // follow reads what entries below the head's size are not covered: after a crash, or where
  // another process wrote. A head behind what is covered means another history: all is read anew.
  Status follow(const Head& head);
  // took follows a commit without reading. Errors of writing are given, and lose nothing.
  Status took(const Commit& commit);

  // Each follows the head first. index_of compares the entry itself.
  Result<std::optional<std::uint64_t>> index_of(const Sha256& entry_digest, const Head& head);
  Result<std::vector<std::uint64_t>> find(const Lookup& lookup, std::uint64_t below,
                                          const Head& head);
  Result<std::uint64_t> lookups(const Head& head);
  Status check() const;
  // heal checks, and where a file is damaged drops all and reads the entries again: then true.
  Result<bool> heal(const Head& head);

 private:
  StoreIndex(Store& store, IndexLimits limits, EntryIndex digests, EntryIndex lookups)
      : store_(&store),
        limits_(limits),
        digests_(std::move(digests)),
        lookups_(std::move(lookups)) {}
  Status read_on(std::uint64_t from, std::uint64_t to);

  Store* store_;
  IndexLimits limits_;
  EntryIndex digests_;
  EntryIndex lookups_;
};

}  // namespace attest::ledger
