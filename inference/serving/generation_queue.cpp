#include "inference/serving/generation_queue.h"

namespace attest::inference {

namespace {

Error ending() {
  return incomplete(rules::queue_closed, "the runtime is ending");
}

}  // namespace

Result<std::shared_ptr<GenerationQueue::Turn>> GenerationQueue::enter() {
  std::unique_lock lock(mutex_);
  if (closed_) return fail(ending());
  if (inside_ < limits_.together && line_.empty()) {
    ++inside_;
    return std::make_shared<Turn>(*this);
  }
  if (line_.size() >= limits_.may_wait)
    return fail(incomplete(rules::generation_queue_full, "too many requests wait already")
                    .next("try again in a few seconds"));
  Waiter mine;
  const auto place = line_.insert(line_.end(), &mine);
  moved_.wait_for(lock, limits_.longest, [&] { return closed_ || mine.called; });
  // Whoever was called has left the line, and has a turn to give back.
  if (mine.called) {
    auto turn = std::make_shared<Turn>(*this);
    if (!closed_) return turn;
    lock.unlock();
    return fail(ending());
  }
  line_.erase(place);
  if (closed_) return fail(ending());
  return fail(incomplete(rules::generation_queue_slow, "no turn came in the time there is to wait")
                  .next("try again in a few seconds"));
}

void GenerationQueue::leave() {
  const std::lock_guard lock(mutex_);
  --inside_;
  call_next();
}

void GenerationQueue::call_next() {
  while (inside_ < limits_.together && !line_.empty()) {
    line_.front()->called = true;
    line_.pop_front();
    ++inside_;
  }
  moved_.notify_all();
}

void GenerationQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  moved_.notify_all();
}

std::uint64_t GenerationQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return line_.size();
}

std::uint64_t GenerationQueue::inside() const {
  const std::lock_guard lock(mutex_);
  return inside_;
}

bool GenerationQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace attest::inference
