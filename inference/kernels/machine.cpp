#include "inference/kernels/machine.h"

#include <cfenv>

namespace attest::inference {

namespace {

// PinnedFloats sets rounding and subnormals as the profile has them, whatever the caller's thread
// was left in by other code, and puts them back.
class PinnedFloats {
 public:
  PinnedFloats() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~PinnedFloats() { std::fesetenv(&saved_); }
  PinnedFloats(const PinnedFloats&) = delete;
  PinnedFloats& operator=(const PinnedFloats&) = delete;

 private:
  std::fenv_t saved_;
};

}  // namespace

void Machine::each(std::size_t count, const std::function<void(std::size_t)>& task) const {
  const auto pinned_task = [&task](std::size_t i) {
    const PinnedFloats pinned;
    task(i);
  };
  // One piece of work is not worth waking anybody for.
  if (count == 1) return pinned_task(0);
  executor->run(count, pinned_task);
}

}  // namespace attest::inference
