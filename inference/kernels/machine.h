// What a computation runs on. None of it changes a bit of the answer.
#pragma once

#include "inference/kernels/executor.h"
#include "inference/kernels/kernels.h"

namespace attest::inference {

struct Machine {
  Executor* executor;
  const Kernels* kernels = &best_kernels();
  std::size_t chunk = 256;  // positions that are computed together

  // each runs task(0) … task(count - 1) with the floating-point environment of the profile: round
  // to nearest even, subnormals kept.
  void each(std::size_t count, const std::function<void(std::size_t)>& task) const;
};

}  // namespace attest::inference
