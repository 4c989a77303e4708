#include "ledger/add_queue.h"

#include <algorithm>
#include <optional>

namespace attest::ledger {

struct AddQueue::Waiting {
  Bytes entry;
  std::optional<Result<Added>> outcome;
};

Result<Added> AddQueue::add(Bytes entry) {
  Waiting mine{std::move(entry), {}};
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= limits_.waiting)
    return fail(incomplete(rules::queue_full, "the log is busy")
                    .found(std::to_string(waiting_.size()) + " entries waiting")
                    .next("try again in a second"));
  waiting_.push_back(&mine);
  while (!mine.outcome) {
    if (working_)
      done_.wait(lock);
    else
      work(lock);
  }
  return *std::move(mine.outcome);
}

// work adds what waits, up to a batch, on behalf of all. The lock is open during the transaction,
// so that the next batch can gather.
void AddQueue::work(std::unique_lock<std::mutex>& lock) {
  working_ = true;
  const std::size_t count = std::min(limits_.batch, waiting_.size());
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<Waiting*> batch(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  lock.unlock();

  std::vector<Bytes> entries;
  for (const Waiting* waiting : batch) entries.push_back(waiting->entry);
  auto added = log_.add(entries);
  std::vector<Result<Added>> outcomes;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (added)
      outcomes.emplace_back((*added)[i]);
    else if (batch.size() > 1)
      // One refused entry refuses its transaction; alone, each gets the answer it deserves.
      outcomes.push_back(log_.add(entries[i]));
    else
      outcomes.emplace_back(std::unexpected(added.error()));
  }

  lock.lock();
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->outcome = std::move(outcomes[i]);
  working_ = false;
  done_.notify_all();
}

}  // namespace attest::ledger
