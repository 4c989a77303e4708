#include "ledger/index_run.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libattest/base/descriptor.h"

namespace attest::ledger {

namespace {

constexpr std::string_view magic("attest-index/v1\0", 16);
constexpr std::size_t header_size = 16 + 8 + 8 + 32 + 8 + 8;
constexpr std::size_t record_size = 24;
constexpr unsigned most_bucket_bits = 28;
constexpr std::size_t buffer_size = 1U << 20;
// A merge writes for a long time: synced piece by piece, its last sync stops nobody for long.
constexpr std::size_t sync_every = 8U << 20;

std::uint64_t load_u64(const std::byte* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

std::uint64_t bucket_of(const IndexKey& key, unsigned bits) {
  return bits == 0 ? 0 : load_u64(key.data()) >> (64 - bits);
}

// About 32 records a bucket: two cache lines to search in.
unsigned bits_for(std::uint64_t records) {
  return std::min(most_bucket_bits, static_cast<unsigned>(std::bit_width(records / 32)));
}

Bytes header_of(const RunSpan& span, std::uint64_t records, unsigned bits) {
  Bytes header = to_bytes(magic);
  append_u64_be(header, span.first);
  append_u64_be(header, span.end);
  append(header, span.root);
  append_u64_be(header, records);
  append_u64_be(header, bits);
  return header;
}

Error damaged(const Path& file, std::string what) {
  return fault(rules::index_damaged, std::move(what)).within(file.string());
}

}  // namespace

std::string run_name(const RunSpan& span) {
  return std::to_string(span.first) + "-" + std::to_string(span.end);
}

Result<IndexRun> IndexRun::open(const Path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts{};
  if (!descriptor.valid() || ::fstat(descriptor.get(), &facts) != 0)
    return fail(system_fault(rules::file_io, "cannot be opened", errno).within(file.string()));
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size < header_size + sizeof(Sha256)) return fail(damaged(file, "an index file is too short"));
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (mapped == MAP_FAILED)
    return fail(system_fault(rules::file_io, "cannot be mapped", errno).within(file.string()));
  IndexRun run;
  run.data_ = static_cast<const std::byte*>(mapped);
  run.size_ = size;
  const std::byte* at = run.data_ + magic.size();
  run.span_.first = load_u64(at);
  run.span_.end = load_u64(at + 8);
  std::copy_n(at + 16, sizeof(Sha256), run.span_.root.begin());
  run.records_ = load_u64(at + 48);
  const std::uint64_t bits = load_u64(at + 56);
  const std::uint64_t most_records = size / record_size;
  if (std::memcmp(run.data_, magic.data(), magic.size()) != 0 || bits > most_bucket_bits ||
      run.records_ > most_records || run.span_.first >= run.span_.end ||
      size !=
          header_size + run.records_ * record_size + (std::uint64_t{8} << bits) + sizeof(Sha256))
    return fail(damaged(file, "an index file is not of the form it should have"));
  run.bucket_bits_ = static_cast<unsigned>(bits);
  return run;
}

IndexRun::IndexRun(IndexRun&& other) noexcept {
  *this = std::move(other);
}

IndexRun& IndexRun::operator=(IndexRun&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(span_, other.span_);
  std::swap(records_, other.records_);
  std::swap(bucket_bits_, other.bucket_bits_);
  return *this;
}

IndexRun::~IndexRun() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

IndexRecord IndexRun::record(std::uint64_t position) const {
  const std::byte* at = data_ + header_size + position * record_size;
  IndexRecord record{};
  std::copy_n(at, record.key.size(), record.key.begin());
  record.entry = load_u64(at + record.key.size());
  return record;
}

// A damaged bucket may point anywhere; it leads to a wrong answer within the file, no further.
std::uint64_t IndexRun::bucket_start(std::uint64_t bucket) const {
  if (bucket >> bucket_bits_ != 0) return records_;
  const std::byte* buckets = data_ + header_size + records_ * record_size;
  return std::min(records_, load_u64(buckets + bucket * 8));
}

std::uint64_t IndexRun::seek(const IndexKey& key) const {
  const std::uint64_t bucket = bucket_of(key, bucket_bits_);
  std::uint64_t low = bucket_start(bucket);
  std::uint64_t high = std::max(low, bucket_start(bucket + 1));
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const std::byte* at = data_ + header_size + middle * record_size;
    if (std::memcmp(at, key.data(), key.size()) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Status IndexRun::check() const {
  const ByteView all(data_, size_);
  const Sha256 found = sha256(all.first(size_ - sizeof(Sha256)));
  if (equal(found, all.last(sizeof(Sha256)))) return {};
  return fail(fault(rules::index_damaged, "an index file was altered")
                  .found(run_name(span_))
                  .next("remove it: it is made again from the entries"));
}

RunWriter::RunWriter(FileSystem& files, Path directory, RunSpan span, std::uint64_t records)
    : files_(&files),
      directory_(std::move(directory)),
      span_(span),
      bucket_bits_(bits_for(records)),
      records_(records),
      counts_(std::size_t{1} << bucket_bits_) {}

Result<RunWriter> RunWriter::begin(FileSystem& files, const Path& directory, RunSpan span,
                                   std::uint64_t records) {
  RunWriter writer(files, directory, span, records);
  TRY(writer.file_, files.open(directory / (run_name(span) + ".new"), OpenMode::create));
  TRY_VOID(writer.file_->truncate(0));
  writer.buffer_ = header_of(span, records, writer.bucket_bits_);
  return writer;
}

Status RunWriter::append(const IndexRecord& record) {
  attest::append(buffer_, record.key);
  append_u64_be(buffer_, record.entry);
  ++counts_[bucket_of(record.key, bucket_bits_)];
  --records_;
  return buffer_.size() < buffer_size ? Status{} : flush();
}

Status RunWriter::flush() {
  hasher_.update(buffer_);
  TRY_VOID(file_->write_at(written_, buffer_));
  written_ += buffer_.size();
  unsynced_ += buffer_.size();
  buffer_.clear();
  if (unsynced_ < sync_every) return {};
  unsynced_ = 0;
  return file_->sync();
}

Result<Path> RunWriter::finish() {
  if (records_ != 0) return fail(fault(rules::index_damaged, "an index file has lost records"));
  std::uint64_t before = 0;
  for (const std::uint64_t count : counts_) {
    append_u64_be(buffer_, before);
    before += count;
  }
  TRY_VOID(flush());
  TRY_VOID(file_->write_at(written_, hasher_.finish_sha256()));
  TRY_VOID(file_->sync());
  const Path path = directory_ / run_name(span_);
  TRY_VOID(files_->rename(Path(path.string() + ".new"), path));
  TRY_VOID(files_->sync_directory(directory_));
  return path;
}

}  // namespace attest::ledger
