// One answer is written at a time; others wait their turn, in order, and not too many of them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "libattest/base/result.h"

namespace attest::inference {

// GenerationQueue may be used from several threads; it outlives its turns.
class GenerationQueue {
 public:
  explicit GenerationQueue(std::uint64_t may_wait) : may_wait_(may_wait) {}

  // Turn is the right to compute; the next in line goes on when it goes.
  class Turn {
   public:
    explicit Turn(GenerationQueue& queue) : queue_(queue) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { queue_.leave(); }

   private:
    GenerationQueue& queue_;
  };

  // enter waits for a turn. Incomplete when too many wait already (rules::generation_queue_full),
  // and when the queue was closed (rules::queue_closed).
  Result<std::shared_ptr<Turn>> enter();
  // close sends everyone who waits away.
  void close();
  bool closed() const;
  std::uint64_t waiting() const;

 private:
  void leave();

  const std::uint64_t may_wait_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ = 0;  // the ticket whose turn it is
  bool closed_ = false;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule generation_queue_full{"inference.queue.full"};
inline constexpr Rule queue_closed{"inference.queue.closed"};
}  // namespace attest::rules
