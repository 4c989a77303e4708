// Asking NVIDIA's driver about its GPUs, without trusting it to answer.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "libattest/crypto/digest.h"
#include "libattest/evidence/gpu_item.h"

namespace attest::agentd {

// NonceFor gives the nonce for the device of this number: that of its item's label.
using NonceFor = std::function<Sha256(std::size_t number)>;

// read_nvml opens `library` ("libnvidia-ml.so.1") and asks it, in this process, for every GPU: the
// inventory, the confidential-computing state, and a signed report with its chain. A function that
// is missing or fails leaves its fact out; a report that cannot be had is said so under
// "report.error". Reports are asked of every GPU, whether the host runs in confidential mode or
// not: Blackwell signs without it. No library, or no driver behind it, means no GPUs.
std::vector<evidence::GpuItem> read_nvml(const std::string& library, const NonceFor& nonce);

// collect_nvml is read_nvml in a child process, which is killed at the time limit: a driver that
// hangs takes no agent with it. The library is never loaded into the agent itself. Fails when the
// child does not answer in time, or crashes (rules::nvml_no_answer, incomplete).
Result<std::vector<evidence::GpuItem>> collect_nvml(const std::string& library,
                                                    const NonceFor& nonce,
                                                    std::chrono::milliseconds time_limit);

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule nvml_no_answer{"agentd.nvml.no-answer"};
}
