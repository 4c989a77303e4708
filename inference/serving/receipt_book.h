// The receipts a runtime gave out, on disk by their id, and their digests on the way to the ledger.
//
// A receipt `<hex>.receipt` is written before its answer is given. `<hex>.waiting` beside it says
// that the node's agent has not taken its digest yet; it goes once it has, so that a crash loses no
// submission and at worst makes one twice, which has no effect. The oldest receipts go when there
// are more, or more bytes of them, than are kept.
//
// A ReceiptBook may be used from several threads.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "libattest/base/file.h"
#include "libattest/crypto/digest.h"

namespace attest::inference {

class ReceiptBook {
 public:
  struct Limits {
    std::uint64_t kept = 10000;
    std::uint64_t kept_bytes = 1U << 30;
  };
  // Submit hands a digest to the node's agent; without one nothing is submitted.
  using Submit = std::function<Status(const Sha256& receipt)>;

  // open makes the directory where it is missing and finds what is kept there.
  static Result<std::unique_ptr<ReceiptBook>> open(Path directory, Limits limits, Submit submit);

  // keep writes a receipt file under its receipt's id.
  Status keep(const Sha256& id, ByteView receipt_file);
  // find refuses an id that is not kept (rules::receipt_not_kept).
  Result<Bytes> find(const Sha256& id) const;
  // submit_waiting submits what waits, oldest first, and stops at the first that fails. When
  // `until` has passed, it begins no other: what still waits is for the next call.
  Status submit_waiting(
      std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());

  std::size_t size() const;
  std::size_t waiting() const;

 private:
  struct Page {
    Sha256 id;
    std::uint64_t bytes;
  };
  ReceiptBook(Path directory, Limits limits, Submit submit)
      : directory_(std::move(directory)), limits_(limits), submit_(std::move(submit)) {}
  Status read_directory();
  Status forget_oldest();
  Path file_of(const Sha256& id, std::string_view ending) const;

  const Path directory_;
  const Limits limits_;
  const Submit submit_;
  mutable std::mutex mutex_;
  std::deque<Page> pages_;  // oldest first
  std::uint64_t bytes_ = 0;
  std::deque<Sha256> waiting_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule receipt_not_kept{"inference.receipt-book.not-kept"};
}
