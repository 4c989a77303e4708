// EntryIndex: which entries carry a key. Keys are digests, so they come in no order; a B-tree on
// disk would touch a page an entry. Here new records stay in memory, are written out sorted as one
// IndexRun when there are many, and runs are merged a little with every commit: no commit waits
// long, and a search looks into a few runs.
//
// Everything in it follows from the entries. What memory held is gone after a crash, and is read
// again from the entries that come after `covered()`; a run that is damaged, or of another history,
// is left out and made again. So the index can be wrong only where its files rot, and never decides
// alone: whoever finds an entry compares it.
//
// For one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ledger/index_run.h"

namespace attest::ledger {

struct IndexLimits {
  std::uint64_t entries_in_memory = 32768;
  unsigned fan_in = 8;  // as many runs of about one size are merged into one
};

class EntryIndex {
 public:
  // IsOurs says whether a root is that of the first `size` entries of this log.
  using IsOurs = std::function<Result<bool>(std::uint64_t size, const Sha256& root)>;

  // open takes up the runs in `directory`, which a writer makes when missing. A reader writes
  // nothing: it keeps in memory what no run holds.
  static Result<EntryIndex> open(FileSystem& files, Path directory, bool writer, const IsOurs& ours,
                                 IndexLimits limits = {});

  // covered is the number of entries whose records are here.
  std::uint64_t covered() const { return memory_.end; }
  std::uint64_t records() const;

  // add takes the records of entry covered().
  void add(std::span<const IndexKey> keys);
  // settle is called after a commit, with the root over covered() entries: it writes a run when one
  // is due, and merges a little. An error loses nothing: a later call tries again.
  Status settle(const Sha256& root);

  // find gives the entries below `below` that carry the key, ascending.
  std::vector<std::uint64_t> find(const IndexKey& key, std::uint64_t below) const;
  // check reads all runs and compares their digests.
  Status check() const;
  // forget drops everything and removes the files: covered() is 0.
  Status forget();

 private:
  // Memory is the newest records: in order of arrival, chained by hash.
  struct Memory {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::vector<IndexRecord> records;
    std::vector<std::uint32_t> next;     // position of an older record of the chain, plus one
    std::vector<std::uint32_t> buckets;  // position of the newest of a chain, plus one
    void add(const IndexRecord& record);
    void clear();
  };
  struct Merge {
    std::size_t from;  // runs_[from] to before runs_[to]
    std::size_t to;
    std::vector<std::uint64_t> positions;
    RunWriter writer;
  };

  EntryIndex(FileSystem& files, Path directory, bool writer, IndexLimits limits)
      : files_(&files), directory_(std::move(directory)), writer_(writer), limits_(limits) {}

  Status take_up(const IsOurs& ours);
  Status write_memory(const Sha256& root);
  Status begin_merge();
  Status merge_some(std::uint64_t records);
  Status end_merge();
  unsigned tier(const IndexRun& run) const;

  FileSystem* files_;
  Path directory_;
  bool writer_;
  IndexLimits limits_;
  std::vector<IndexRun> runs_;  // in order of entries, without gaps
  Memory memory_;
  std::optional<Merge> merge_;
  std::uint64_t added_ = 0;  // records since the last settle
};

}  // namespace attest::ledger
