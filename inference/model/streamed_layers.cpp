#include "inference/model/streamed_layers.h"

#include <algorithm>

namespace attest::inference {

StreamedLayers::StreamedLayers(std::size_t count, std::size_t kept, Read read)
    : kept_(kept), read_(std::move(read)), slots_(count), reader_([this] { work(); }) {}

StreamedLayers::~StreamedLayers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  reader_.join();
}

void StreamedLayers::want(std::size_t number) {
  if (!slots_[number] && std::ranges::find(wanted_, number) == wanted_.end())
    wanted_.push_back(number);
}

Result<std::shared_ptr<const Layer>> StreamedLayers::layer(std::size_t number) {
  std::unique_lock lock(mutex_);
  want(number);
  changed_.notify_all();
  changed_.wait(lock, [&] { return slots_[number].has_value(); });
  Result<std::shared_ptr<const Layer>> layer = *slots_[number];
  // What was given is the caller's to keep; here it stays only if it may. Then there is room for
  // the one that comes next, behind the last the first that does not stay.
  if (number >= kept_ || !layer) slots_[number].reset();
  const std::size_t next = number + 1 < slots_.size() ? number + 1 : std::min(kept_, number);
  if (layer) want(next);
  changed_.notify_all();
  return layer;
}

void StreamedLayers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !wanted_.empty(); });
    if (stopping_) return;
    const std::size_t number = wanted_.front();
    lock.unlock();
    auto layer = read_(number);
    lock.lock();
    wanted_.erase(wanted_.begin());
    slots_[number] = std::move(layer);
    changed_.notify_all();
  }
}

}  // namespace attest::inference
