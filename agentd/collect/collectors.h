// What agentd reads of its host for the evidence collection: logs as the kernel gives them, the
// digests of model files, and an inventory. All of it is host-reported; the quote protects it on
// its way.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/evidence/evidence.h"
#include "libattest/evidence/host_item.h"
#include "libattest/evidence/models_item.h"

namespace attest::agentd {

// read_kernel_log gives a log's bytes, or nothing where there is no such file.
Result<std::optional<Bytes>> read_kernel_log(const Path& path);

// digest_models digests each file, and of each folder the model files directly in it. Files come
// sorted by path. A file that is missing is left out: its absence is what the verifier should see.
Result<std::vector<evidence::ModelFile>> digest_models(const std::vector<Path>& paths);

// is_reported_model says whether digest_models(paths) would report this file.
bool is_reported_model(const Path& file, const std::vector<Path>& paths);

// host_facts gives the kernel, operating system, processor, board and devices with their firmware
// versions, as far as they can be read.
evidence::HostFacts host_facts();

// GpuSources is where GPUs are looked for.
struct GpuSources {
  // Libraries of drivers, each opened in a child process.
  std::string nvml = "libnvidia-ml.so.1";
  std::string nscq = "libnvidia-nscq.so.2";
  std::string amd_smi = "libamd_smi.so";
  std::string level_zero = "libze_loader.so.1";
  Path sysfs = "/sys";
  std::chrono::milliseconds time_limit{20'000};  // for each library
};

// collect_gpus gives an item for each GPU, NVIDIA's first, then its switches, then others'; each
// device is asked to sign for the nonce of its own label. A driver of NVIDIA's that does not answer
// gives one item that says so; another vendor's leaves what the kernel shows, with its reason.
Result<std::vector<evidence::EvidenceItem>> collect_gpus(const Sha256& challenge_digest,
                                                         const GpuSources& sources = {});

}  // namespace attest::agentd
