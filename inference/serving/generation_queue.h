// So many answers are written together; others wait for their turn, in order, not too many of them
// and not for too long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "libattest/base/result.h"

namespace attest::inference {

// GenerationQueue may be used from several threads; it outlives its turns.
class GenerationQueue {
 public:
  struct Limits {
    std::uint64_t together = 1;
    std::uint64_t may_wait = 16;
    std::chrono::milliseconds longest{30000};  // to wait
  };
  explicit GenerationQueue(Limits limits) : limits_(limits) {}

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
  // when none came within the longest time (rules::generation_queue_slow), and when the queue was
  // closed (rules::queue_closed).
  Result<std::shared_ptr<Turn>> enter();
  // close sends everyone who waits away.
  void close();
  bool closed() const;
  std::uint64_t waiting() const;
  std::uint64_t inside() const;

 private:
  struct Waiter {
    bool called = false;
  };
  void leave();
  void call_next();

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::list<Waiter*> line_;
  std::uint64_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule generation_queue_full{"inference.queue.full"};
inline constexpr Rule generation_queue_slow{"inference.queue.slow"};
inline constexpr Rule queue_closed{"inference.queue.closed"};
}  // namespace attest::rules
