#include "inference/serving/generation_queue.h"

namespace attest::inference {

Result<std::shared_ptr<GenerationQueue::Turn>> GenerationQueue::enter() {
  std::unique_lock lock(mutex_);
  if (next_ticket_ - serving_ > may_wait_)
    return fail(incomplete(rules::generation_queue_full, "too many requests wait already")
                    .next("try again in a few seconds"));
  const std::uint64_t ticket = next_ticket_++;
  moved_.wait(lock, [&] { return closed_ || serving_ == ticket; });
  if (closed_) return fail(incomplete(rules::queue_closed, "the runtime is ending"));
  return std::make_shared<Turn>(*this);
}

void GenerationQueue::leave() {
  const std::lock_guard lock(mutex_);
  ++serving_;
  moved_.notify_all();
}

void GenerationQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  moved_.notify_all();
}

std::uint64_t GenerationQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t inside = next_ticket_ - serving_;
  return inside == 0 ? 0 : inside - 1;
}

bool GenerationQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace attest::inference
