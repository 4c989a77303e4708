// Asking AMD's and Intel's management libraries about their GPUs. What they say is the host's word,
// and stands beside what the kernel shows (sysfs_inventory.h).
#pragma once

#include <string>
#include <vector>

#include "libattest/evidence/gpu_item.h"

namespace attest::agentd {

// read_amd_smi opens `library` ("libamd_smi.so") and gives an item for each GPU: "pci" and
// "smi.uuid". read_level_zero opens `library` ("libze_loader.so.1") and gives "pci", "ze.serial",
// "ze.board", "ze.model", "ze.driver", and "ze.fw.<name>" for each firmware. No library, or no
// driver behind it, means no items.
std::vector<evidence::GpuItem> read_amd_smi(const std::string& library);
std::vector<evidence::GpuItem> read_level_zero(const std::string& library);

// merge_by_address adds the facts of `more` to the items that have the same PCI address, and the
// items that no other has.
void merge_by_address(std::vector<evidence::GpuItem> more, std::vector<evidence::GpuItem>& items);

}  // namespace attest::agentd
