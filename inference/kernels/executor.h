// Executors run independent pieces of work. The runtime hands them whole rows or heads, never parts
// of a sum, so that the answer does not depend on which executor there is.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace attest::inference {

class Executor {
 public:
  virtual ~Executor() = default;
  // run calls task(0) … task(count - 1), in any order and on any thread, and returns when all are
  // done. Tasks must not throw. Not to be called from within a task.
  virtual void run(std::size_t count, const std::function<void(std::size_t)>& task) = 0;
};

// make_serial_executor runs tasks one after the other on the caller's thread.
std::unique_ptr<Executor> make_serial_executor();
// make_thread_pool runs them on `threads` threads, the caller's being one of them. Its threads wait
// for more work awake for a moment, then asleep.
std::unique_ptr<Executor> make_thread_pool(unsigned threads);

}  // namespace attest::inference
