#include "inference/model/shared_passes.h"

#include <algorithm>
#include <chrono>

namespace attest::inference {

namespace {

// Long enough for others to choose their token; short beside a pass of a model of any size.
constexpr std::chrono::milliseconds moment{2};
// Positions of a prompt in one pass while others wait for their next token.
constexpr std::size_t shared_chunk = 64;

}  // namespace

SharedPasses::Member::Member(SharedPasses& passes) : passes_(passes) {
  const std::lock_guard lock(passes_.mutex_);
  ++passes_.members_;
}

SharedPasses::Member::~Member() {
  const std::lock_guard lock(passes_.mutex_);
  --passes_.members_;
  passes_.arrived_.notify_all();
}

Status SharedPasses::append(Sequence& sequence, std::span<const Token> tokens,
                            const Sequence::LogitsSink& sink) {
  while (!tokens.empty()) {
    std::unique_lock lock(mutex_);
    const std::size_t chunk = members_ > 1 ? shared_chunk : machine_.chunk;
    const std::size_t count = std::min(tokens.size(), std::max<std::size_t>(chunk, 1));
    Waiting mine{.continuation = {&sequence, tokens.first(count), sink}};
    waiting_.push_back(&mine);
    arrived_.notify_all();
    while (!mine.done) {
      if (running_) {
        changed_.wait(lock);
      } else {
        lead(lock);
      }
    }
    TRY_VOID(mine.continuation.outcome);
    tokens = tokens.subspan(count);
  }
  return {};
}

// Those who wait with the same model as the first of them: after a reload there may be two.
std::vector<SharedPasses::Waiting*> SharedPasses::take_first() {
  const Transformer* model = &waiting_.front()->continuation.sequence->transformer();
  std::vector<Waiting*> taken;
  std::vector<Waiting*> others;
  for (Waiting* each : waiting_) {
    const bool same = &each->continuation.sequence->transformer() == model;
    (same ? taken : others).push_back(each);
  }
  waiting_ = std::move(others);
  return taken;
}

void SharedPasses::lead(std::unique_lock<std::mutex>& lock) {
  running_ = true;
  arrived_.wait_for(lock, moment, [this] { return waiting_.size() >= members_; });
  const std::vector<Waiting*> taken = take_first();
  ++counts_.passes;
  counts_.shares += taken.size();
  lock.unlock();
  std::vector<Continuation> together;
  for (const Waiting* each : taken) together.push_back(each->continuation);
  append_together(together, machine_);
  lock.lock();
  for (std::size_t i = 0; i < taken.size(); ++i) {
    taken[i]->continuation.outcome = together[i].outcome;
    taken[i]->done = true;
  }
  running_ = false;
  changed_.notify_all();
}

void SharedPasses::alone(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !running_; });
  running_ = true;
  lock.unlock();
  work();
  lock.lock();
  running_ = false;
  changed_.notify_all();
}

SharedPasses::Counts SharedPasses::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace attest::inference
