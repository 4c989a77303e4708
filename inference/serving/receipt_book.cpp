#include "inference/serving/receipt_book.h"

#include <algorithm>

#include "inference/answer/receipt.h"

namespace attest::inference {

namespace {

constexpr std::string_view receipt_ending = ".receipt";
constexpr std::string_view waiting_ending = ".waiting";

// The id in a file's name, where the name is one of ours.
std::optional<Sha256> id_in(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  const auto id =
      parse_digest_uri("sha256:" + std::string(name.substr(0, name.size() - ending.size())));
  return id ? std::optional(*id) : std::nullopt;
}

}  // namespace

Path ReceiptBook::file_of(const Sha256& id, std::string_view ending) const {
  return directory_ / (to_hex(id) + std::string(ending));
}

Result<std::unique_ptr<ReceiptBook>> ReceiptBook::open(Path directory, Limits limits,
                                                       Submit submit) {
  TRY_VOID(system_files().make_directories(directory, 0700));
  std::unique_ptr<ReceiptBook> book(
      new ReceiptBook(std::move(directory), limits, std::move(submit)));
  TRY_VOID(book->read_directory());
  return book;
}

Status ReceiptBook::read_directory() {
  struct Found {
    std::filesystem::file_time_type written;
    Page page;
  };
  std::vector<Found> found;
  TRY(const auto names, system_files().list(directory_));
  for (const std::string& name : names) {
    if (const auto id = id_in(name, waiting_ending)) waiting_.push_back(*id);
    const auto id = id_in(name, receipt_ending);
    if (!id) continue;
    std::error_code error;
    const auto written = std::filesystem::last_write_time(directory_ / name, error);
    const auto bytes = std::filesystem::file_size(directory_ / name, error);
    if (!error) found.push_back({written, {*id, bytes}});
  }
  std::ranges::sort(found, {}, &Found::written);
  for (const Found& one : found) {
    pages_.push_back(one.page);
    bytes_ += one.page.bytes;
  }
  return forget_oldest();
}

Status ReceiptBook::keep(const Sha256& id, ByteView receipt_file) {
  const std::lock_guard lock(mutex_);
  // The mark first: a crash between the two submits a digest whose receipt nobody was given.
  if (submit_) {
    TRY_VOID(write_file_atomically(file_of(id, waiting_ending), {}, 0600));
    waiting_.push_back(id);
  }
  TRY_VOID(write_file_atomically(file_of(id, receipt_ending), receipt_file, 0600));
  pages_.push_back({id, receipt_file.size()});
  bytes_ += receipt_file.size();
  return forget_oldest();
}

// The newest is kept whatever its size: its answer is about to be given.
Status ReceiptBook::forget_oldest() {
  while (pages_.size() > 1 && (pages_.size() > limits_.kept || bytes_ > limits_.kept_bytes)) {
    const Page oldest = pages_.front();
    TRY_VOID(system_files().remove(file_of(oldest.id, receipt_ending)));
    pages_.pop_front();
    bytes_ -= oldest.bytes;
    if (const auto mark = std::ranges::find(waiting_, oldest.id); mark != waiting_.end()) {
      waiting_.erase(mark);
      TRY_VOID(system_files().remove(file_of(oldest.id, waiting_ending)));
    }
  }
  return {};
}

Result<Bytes> ReceiptBook::find(const Sha256& id) const {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(pages_, id, &Page::id) == pages_.end())
    return fail(
        refused(rules::receipt_not_kept, "no receipt of this id is kept here").found(to_hex(id)));
  return read_file(file_of(id, receipt_ending), max_receipt_size + (4U << 20));
}

Status ReceiptBook::submit_waiting(std::chrono::steady_clock::time_point until) {
  while (std::chrono::steady_clock::now() < until) {
    Sha256 id;
    {
      const std::lock_guard lock(mutex_);
      if (!submit_ || waiting_.empty()) return {};
      id = waiting_.front();
    }
    // Without the lock: the agent may take its time, and answers go on meanwhile.
    TRY_VOID(submit_(id));
    const std::lock_guard lock(mutex_);
    const auto mark = std::ranges::find(waiting_, id);
    if (mark == waiting_.end()) continue;
    waiting_.erase(mark);
    TRY_VOID(system_files().remove(file_of(id, waiting_ending)));
  }
  return {};
}

std::size_t ReceiptBook::size() const {
  const std::lock_guard lock(mutex_);
  return pages_.size();
}
std::size_t ReceiptBook::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace attest::inference
