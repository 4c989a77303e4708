#include "inference/kernels/executor.h"

#include <atomic>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace attest::inference {

namespace {

class SerialExecutor final : public Executor {
 public:
  void run(std::size_t count, const std::function<void(std::size_t)>& task) override {
    for (std::size_t i = 0; i < count; ++i) task(i);
  }
};

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// A token is a hundred rounds of work a few microseconds apart: a thread that slept in between
// would come too late to each. After about a hundred microseconds without work it sleeps.
constexpr int spins = 2000;

// await returns when `value` is no longer `old`.
template <typename T>
void await(const std::atomic<T>& value, T old) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(unsigned threads) {
    for (unsigned i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }

  ~ThreadPool() override {
    stopping_ = true;
    begin_round();
    for (std::thread& worker : workers_) worker.join();
  }

  void run(std::size_t count, const std::function<void(std::size_t)>& task) override {
    if (count == 0) return;
    task_ = &task;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(workers_.size(), std::memory_order_relaxed);
    begin_round();
    take_tasks();
    for (std::size_t left = busy_.load(std::memory_order_acquire); left != 0;
         left = busy_.load(std::memory_order_acquire))
      await(busy_, left);
  }

 private:
  void begin_round() {
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }

  void take_tasks() {
    for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) (*task_)(i);
  }

  void work() {
    for (std::uint32_t seen = 0;; ++seen) {
      await(round_, seen);
      if (stopping_) return;
      take_tasks();
      if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
    }
  }

  std::atomic<std::uint32_t> round_ = 0;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> busy_ = 0;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace

std::unique_ptr<Executor> make_serial_executor() {
  return std::make_unique<SerialExecutor>();
}

std::unique_ptr<Executor> make_thread_pool(unsigned threads) {
  if (threads <= 1) return make_serial_executor();
  return std::make_unique<ThreadPool>(threads);
}

}  // namespace attest::inference
