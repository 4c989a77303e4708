// AddQueue: many callers, few transactions. Entries that arrive while a transaction runs wait and
// are added together in the next: batches grow with the load, by themselves.
//
// There is no thread here: one of the waiting callers does the work for all. Safe from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "ledger/log.h"

namespace attest::ledger {

struct QueueLimits {
  std::size_t batch = 1024;     // entries in one transaction
  std::size_t waiting = 16384;  // entries waiting, beyond which callers are turned away
};

class AddQueue {
 public:
  explicit AddQueue(Log& log, QueueLimits limits = {}) : log_(log), limits_(limits) {}

  // add returns when the entry is durable. A full queue is incomplete (rules::queue_full): the
  // caller answers 503 with Retry-After. An entry that is refused does not harm its neighbours.
  Result<Added> add(Bytes entry);

 private:
  struct Waiting;
  void work(std::unique_lock<std::mutex>& lock);

  Log& log_;
  QueueLimits limits_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::deque<Waiting*> waiting_;
  bool working_ = false;
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule queue_full{"ledger.queue.full"};
}
