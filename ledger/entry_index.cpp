#include "ledger/entry_index.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace attest::ledger {

namespace {

constexpr std::size_t bucket_count = 1U << 16;
// Each record is merged once a tier; so much more work than additions keeps up with any load.
constexpr std::uint64_t merged_an_addition = 8;

std::size_t chain_of(const IndexKey& key) {
  std::size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash % bucket_count;
}

std::optional<RunSpan> span_named(std::string_view name) {
  RunSpan span;
  const char* end = name.data() + name.size();
  const auto first = std::from_chars(name.data(), end, span.first);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, span.end);
  if (second.ec != std::errc{} || second.ptr != end || run_name(span) != name) return std::nullopt;
  return span;
}

}  // namespace

void EntryIndex::Memory::add(const IndexRecord& record) {
  if (buckets.empty()) buckets.resize(bucket_count);
  std::uint32_t& newest = buckets[chain_of(record.key)];
  records.push_back(record);
  next.push_back(newest);
  newest = static_cast<std::uint32_t>(records.size());
}

void EntryIndex::Memory::clear() {
  first = end;
  records.clear();
  next.clear();
  std::ranges::fill(buckets, 0U);
}

Result<EntryIndex> EntryIndex::open(FileSystem& files, Path directory, bool writer,
                                    const IsOurs& ours, IndexLimits limits) {
  EntryIndex index(files, std::move(directory), writer, limits);
  if (writer) TRY_VOID(files.make_directories(index.directory_));
  TRY_VOID(index.take_up(ours));
  return index;
}

// Of the runs that begin where the last one ended, the longest is taken: the others were merged
// into it. What is not taken is of no use, and a writer removes it.
Status EntryIndex::take_up(const IsOurs& ours) {
  TRY(const bool there, files_->exists(directory_));
  if (!there) return {};
  TRY(const auto names, files_->list(directory_));
  std::vector<RunSpan> spans;
  for (const std::string& name : names)
    if (const auto span = span_named(name)) spans.push_back(*span);
  std::ranges::sort(spans, [](const RunSpan& a, const RunSpan& b) {
    return a.first != b.first ? a.first < b.first : a.end > b.end;
  });
  std::uint64_t covered = 0;
  for (const RunSpan& span : spans) {
    if (span.first != covered) continue;
    auto run = IndexRun::open(directory_ / run_name(span));
    if (!run || run->span().first != span.first || run->span().end != span.end) continue;
    TRY(const bool is_ours, ours(span.end, run->span().root));
    if (!is_ours) continue;
    covered = span.end;
    runs_.push_back(*std::move(run));
  }
  memory_.first = memory_.end = covered;
  if (!writer_) return {};
  for (const std::string& name : names)
    if (std::ranges::none_of(runs_,
                             [&](const IndexRun& run) { return run_name(run.span()) == name; }))
      TRY_VOID(files_->remove(directory_ / name));
  return {};
}

std::uint64_t EntryIndex::records() const {
  std::uint64_t count = memory_.records.size();
  for (const IndexRun& run : runs_) count += run.records();
  return count;
}

void EntryIndex::add(std::span<const IndexKey> keys) {
  for (const IndexKey& key : keys) memory_.add({key, memory_.end});
  ++memory_.end;
  added_ += keys.size();
}

Status EntryIndex::settle(const Sha256& root) {
  if (!writer_) return {};
  const std::uint64_t added = std::exchange(added_, 0);
  if (memory_.end - memory_.first >= limits_.entries_in_memory) TRY_VOID(write_memory(root));
  if (!merge_) TRY_VOID(begin_merge());
  if (!merge_) return {};
  const Status merged = merge_some(added * merged_an_addition + 1);
  if (!merged) merge_.reset();  // the runs are as they were; a later call begins anew
  return merged;
}

Status EntryIndex::write_memory(const Sha256& root) {
  const RunSpan span{memory_.first, memory_.end, root};
  TRY(RunWriter writer, RunWriter::begin(*files_, directory_, span, memory_.records.size()));
  std::vector<IndexRecord> sorted = memory_.records;
  std::ranges::sort(sorted);
  for (const IndexRecord& record : sorted) TRY_VOID(writer.append(record));
  TRY(const Path path, writer.finish());
  TRY(IndexRun run, IndexRun::open(path));
  runs_.push_back(std::move(run));
  memory_.clear();
  return {};
}

unsigned EntryIndex::tier(const IndexRun& run) const {
  const std::uint64_t width = run.span().end - run.span().first;
  unsigned tier = 0;
  for (std::uint64_t most = limits_.entries_in_memory * limits_.fan_in; width >= most && tier < 16;
       most *= limits_.fan_in)
    ++tier;
  return tier;
}

Status EntryIndex::begin_merge() {
  std::size_t to = runs_.size();
  while (to > 0) {
    std::size_t from = to - 1;
    while (from > 0 && tier(runs_[from - 1]) == tier(runs_[to - 1])) --from;
    if (to - from >= limits_.fan_in) {
      const RunSpan span{runs_[from].span().first, runs_[to - 1].span().end,
                         runs_[to - 1].span().root};
      std::uint64_t records = 0;
      for (std::size_t i = from; i < to; ++i) records += runs_[i].records();
      TRY(RunWriter writer, RunWriter::begin(*files_, directory_, span, records));
      merge_.emplace(from, to, std::vector<std::uint64_t>(to - from), std::move(writer));
      return {};
    }
    to = from;
  }
  return {};
}

Status EntryIndex::merge_some(std::uint64_t records) {
  Merge& merge = *merge_;
  for (; records > 0; --records) {
    std::optional<IndexRecord> least;
    std::size_t whose = 0;
    for (std::size_t i = 0; i < merge.positions.size(); ++i) {
      const IndexRun& run = runs_[merge.from + i];
      if (merge.positions[i] == run.records()) continue;
      const IndexRecord record = run.record(merge.positions[i]);
      if (least && *least <= record) continue;
      least = record;
      whose = i;
    }
    if (!least) return end_merge();
    ++merge.positions[whose];
    TRY_VOID(merge.writer.append(*least));
  }
  return {};
}

// A crash before the old runs are removed leaves both; the longer is taken up.
Status EntryIndex::end_merge() {
  TRY(const Path path, merge_->writer.finish());
  TRY(IndexRun merged, IndexRun::open(path));
  const auto from = runs_.begin() + static_cast<std::ptrdiff_t>(merge_->from);
  const auto to = runs_.begin() + static_cast<std::ptrdiff_t>(merge_->to);
  std::vector<Path> old;
  for (auto run = from; run != to; ++run) old.push_back(directory_ / run_name(run->span()));
  *from = std::move(merged);
  runs_.erase(from + 1, to);
  merge_.reset();
  for (const Path& file : old) TRY_VOID(files_->remove(file));
  return {};
}

std::vector<std::uint64_t> EntryIndex::find(const IndexKey& key, std::uint64_t below) const {
  std::vector<std::uint64_t> entries;
  for (const IndexRun& run : runs_)
    for (std::uint64_t at = run.seek(key); at < run.records(); ++at) {
      const IndexRecord record = run.record(at);
      if (record.key != key) break;
      if (record.entry < below) entries.push_back(record.entry);
    }
  if (memory_.buckets.empty()) return entries;
  const std::size_t from_runs = entries.size();
  for (std::uint32_t at = memory_.buckets[chain_of(key)]; at != 0; at = memory_.next[at - 1]) {
    const IndexRecord& record = memory_.records[at - 1];
    if (record.key == key && record.entry < below) entries.push_back(record.entry);
  }
  std::reverse(entries.begin() + static_cast<std::ptrdiff_t>(from_runs), entries.end());
  return entries;
}

Status EntryIndex::check() const {
  for (const IndexRun& run : runs_) TRY_VOID(run.check());
  return {};
}

Status EntryIndex::forget() {
  std::vector<Path> old;
  for (const IndexRun& run : runs_) old.push_back(directory_ / run_name(run.span()));
  merge_.reset();
  runs_.clear();
  memory_ = {};
  if (!writer_) return {};
  for (const Path& file : old) TRY_VOID(files_->remove(file));
  return {};
}

}  // namespace attest::ledger
