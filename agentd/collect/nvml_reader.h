// Asking NVIDIA's driver about its GPUs.
#pragma once

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

}  // namespace attest::agentd
