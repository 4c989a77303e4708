// Asking a driver's library in a child process, without trusting it to answer.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "libattest/evidence/gpu_item.h"

namespace attest::agentd {

// Reader asks a library, in the process it is called in.
using Reader = std::function<std::vector<evidence::GpuItem>()>;

// collect_in_child calls `reader` in a child process, which is killed at the time limit: a driver
// that hangs or crashes takes no agent with it, and its library is never loaded into the agent.
// Fails when the child does not answer in time, or not in its form (rules::library_no_answer,
// incomplete).
Result<std::vector<evidence::GpuItem>> collect_in_child(const Reader& reader,
                                                        std::chrono::milliseconds time_limit);

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule library_no_answer{"agentd.library.no-answer"};
}
