// What the kernel says of the machine's parts, in files under /sys. All of it is host-reported.
#pragma once

#include <vector>

#include "libattest/base/file.h"
#include "libattest/evidence/gpu_item.h"
#include "libattest/evidence/host_item.h"

namespace attest::agentd {

// sysfs_gpus gives the GPUs of AMD and Intel by their display adapters (class/drm), in the order of
// their PCI addresses: identity, VBIOS and firmware versions. NVIDIA's are asked of their driver.
std::vector<evidence::GpuItem> sysfs_gpus(const Path& sysfs);

// add_devices adds to `facts`: each PCI function ("pci.0000:01:00.0": ids and class), NVMe drives,
// InfiniBand adapters and network interfaces with their firmware versions, the microcode of the
// processor, and SMBIOS (class/dmi/id). What cannot be read is left out.
void add_devices(const Path& sysfs, evidence::HostFacts& facts);

}  // namespace attest::agentd
