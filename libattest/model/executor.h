// An executor spreads independent pieces of work over several cores. The library starts no threads:
// programs pass one in. Results never depend on which executor there is.
#pragma once

#include <cstddef>
#include <functional>

namespace attest::model {

// An Executor calls task(0) … task(count - 1), in any order and on any thread, and returns when all
// are done. Tasks do not throw.
using Executor =
    std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

// serially runs them one after the other, on the caller's thread.
inline void serially(std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = 0; i < count; ++i) task(i);
}

}  // namespace attest::model
