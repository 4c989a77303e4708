// Asking NVIDIA's switches.
#pragma once

#include <string>
#include <vector>

#include "agentd/collect/nvml_reader.h"

namespace attest::agentd {

// read_nscq opens `library` ("libnvidia-nscq.so.2") and asks every NVSwitch for a signed report and
// its chain. What fails is said under "report.error". `nonce` is asked for by the switch's number,
// from 0. No library, or no driver behind it, means no switches.
std::vector<evidence::GpuItem> read_nscq(const std::string& library, const NonceFor& nonce);

}  // namespace attest::agentd
