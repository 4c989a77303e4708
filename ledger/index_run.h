// IndexRun: one sorted, immutable file of an EntryIndex (docs/formats.md, "Index runs").
//
//   header    "attest-index/v1" 00 · u64 first · u64 end · root[32] · u64 records · u64 bucket bits
//   records   key[16] · u64 entry, ascending; no two alike
//   buckets   u64 for each value of the key's first bits: how many records come before it
//   check     SHA-256 of all that is before it
//
// Numbers are big-endian. The file holds the records of entries `first` to before `end`, and `root`
// is that of the tree of `end` entries: a file of another history is told by it.
//
// A run is mapped, not read: opening it costs the same at any size. It may be used by one thread at
// a time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>

#include "libattest/base/file.h"
#include "libattest/crypto/digest.h"

namespace attest::ledger {

using IndexKey = std::array<std::byte, 16>;

struct IndexRecord {
  IndexKey key;
  std::uint64_t entry;
  friend auto operator<=>(const IndexRecord&, const IndexRecord&) = default;
};

struct RunSpan {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  Sha256 root{};
  friend bool operator==(const RunSpan&, const RunSpan&) = default;
};

class IndexRun {
 public:
  // open checks the header and that the file has the size it says (rules::index_damaged).
  static Result<IndexRun> open(const Path& file);
  IndexRun(IndexRun&&) noexcept;
  IndexRun& operator=(IndexRun&&) noexcept;
  ~IndexRun();

  const RunSpan& span() const { return span_; }
  std::uint64_t records() const { return records_; }
  IndexRecord record(std::uint64_t position) const;
  // seek gives the position of the first record that is not before (key, 0).
  std::uint64_t seek(const IndexKey& key) const;
  // check reads the whole file and compares its digest.
  Status check() const;

 private:
  IndexRun() = default;
  std::uint64_t bucket_start(std::uint64_t bucket) const;

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  RunSpan span_;
  std::uint64_t records_ = 0;
  unsigned bucket_bits_ = 0;
};

// RunWriter writes a run, record by record, under a name that becomes its own in finish(). It
// borrows the file system.
class RunWriter {
 public:
  // `records` is how many will be appended, exactly.
  static Result<RunWriter> begin(FileSystem& files, const Path& directory, RunSpan span,
                                 std::uint64_t records);
  Status append(const IndexRecord& record);
  // finish syncs and names the file, and gives its path.
  Result<Path> finish();

 private:
  RunWriter(FileSystem& files, Path directory, RunSpan span, std::uint64_t records);
  Status flush();

  FileSystem* files_;
  Path directory_;
  RunSpan span_;
  unsigned bucket_bits_;
  std::unique_ptr<File> file_;
  Bytes buffer_;
  std::uint64_t written_ = 0;
  std::uint64_t unsynced_ = 0;
  Hasher hasher_;
  std::uint64_t records_ = 0;          // still to come
  std::vector<std::uint64_t> counts_;  // records by bucket
};

// run_name is the file name of a run: "FIRST-END".
std::string run_name(const RunSpan& span);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule index_damaged{"ledger.index.damaged"};
}
