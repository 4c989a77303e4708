// The layers of a model that is larger than the memory it may take: some stay, the others come from
// disk again in every pass, one ahead of the one in use, each checked each time.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "inference/model/transformer.h"

namespace attest::inference {

class StreamedLayers {
 public:
  // Read reads one layer from disk, on the thread of StreamedLayers alone.
  using Read = std::function<Result<std::shared_ptr<const Layer>>(std::size_t number)>;

  // Of `count` layers the first `kept` stay once they were read.
  StreamedLayers(std::size_t count, std::size_t kept, Read read);
  ~StreamedLayers();

  // begin_pass waits until nobody else goes through the layers.
  std::unique_lock<std::mutex> begin_pass() { return std::unique_lock(pass_); }
  // layer waits for a layer and has the next one fetched. An error is that of reading; the layer is
  // tried again when it is next asked for.
  Result<std::shared_ptr<const Layer>> layer(std::size_t number);

 private:
  using Slot = std::optional<Result<std::shared_ptr<const Layer>>>;
  void work();
  void want(std::size_t number);

  const std::size_t kept_;
  const Read read_;
  std::mutex pass_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> wanted_;  // in order
  bool stopping_ = false;
  std::thread reader_;
};

}  // namespace attest::inference
