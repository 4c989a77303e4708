// One pass for several texts: whoever has tokens to append waits for the pass that runs, and the
// first of those who wait then computes for all of them, so that weights are read once a step.
// Every value is the same as alone (append_together).
//
// May be used from several threads. The machine's executor is used by one of them at a time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "inference/model/transformer.h"

namespace attest::inference {

class SharedPasses {
 public:
  explicit SharedPasses(const Machine& machine) : machine_(machine) {}

  // Member is a text that is being written: a pass waits a moment for all of them, as they come
  // with their next token at about the same time.
  class Member {
   public:
    explicit Member(SharedPasses& passes);
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member();

   private:
    SharedPasses& passes_;
  };

  // append is Sequence::append in passes that others share; `sink` is called on the thread of
  // whoever computes. One call a sequence at a time, and no pass of it elsewhere.
  Status append(Sequence& sequence, std::span<const Token> tokens,
                const Sequence::LogitsSink& sink);
  // alone runs other work on the machine's executor, while no pass runs.
  void alone(const std::function<void()>& work);

  // passes and texts that took part in them, since the start.
  struct Counts {
    std::uint64_t passes = 0;
    std::uint64_t shares = 0;
  };
  Counts counts() const;

 private:
  struct Waiting {
    Continuation continuation;
    bool done = false;
  };
  void lead(std::unique_lock<std::mutex>& lock);
  std::vector<Waiting*> take_first();

  const Machine machine_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // a pass ended
  std::condition_variable arrived_;  // somebody waits, or left
  std::vector<Waiting*> waiting_;    // in order of arrival
  std::size_t members_ = 0;
  bool running_ = false;
  Counts counts_;
};

}  // namespace attest::inference
