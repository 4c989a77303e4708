#include "agentd/collect/collectors.h"

#include <algorithm>

#include <sys/utsname.h>

#include "agentd/collect/library_child.h"
#include "agentd/collect/nscq_reader.h"
#include "agentd/collect/nvml_reader.h"
#include "agentd/collect/sysfs_inventory.h"
#include "agentd/collect/vendor_readers.h"
#include "libattest/base/text.h"
#include "libattest/model/digest.h"

namespace attest::agentd {
namespace {

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    return value.substr(1, value.size() - 2);
  return value;
}

// os-release(5)
void add_operating_system(evidence::HostFacts& facts) {
  const auto text = read_text_file("/etc/os-release", 1U << 16);
  if (!text || !is_utf8(*text)) return;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("PRETTY_NAME="))
      facts["os.name"] = std::string(unquoted(line.substr(line.find('=') + 1)));
    if (line.starts_with("VERSION_ID="))
      facts["os.version"] = std::string(unquoted(line.substr(line.find('=') + 1)));
  }
}

void add_processor(evidence::HostFacts& facts) {
  const auto text = read_text_file("/proc/cpuinfo", 16U << 20);
  if (!text || !is_utf8(*text)) return;
  std::size_t count = 0;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("processor")) ++count;
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string_view::npos)
      facts["cpu.model"] = std::string(line.substr(colon + 2));
  }
  facts["cpu.count"] = std::to_string(count);
}

bool is_model_file(const Path& path) {
  return path.extension() == ".gguf" || path.extension() == ".safetensors";
}

// files_of gives the files a configured path means, sorted; nothing where there is nothing.
std::vector<Path> files_of(const Path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<Path> files;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (is_model_file(entry->path()) && entry->is_regular_file(error))
      files.push_back(entry->path());
  return files;
}

using Items = std::vector<evidence::GpuItem>;

// The verifier should see that there is a driver that does not answer, not fewer devices.
Items or_reason(Result<Items> answer, std::string kind) {
  if (answer) return *std::move(answer);
  return {{.vendor = "nvidia",
           .report = {},
           .chain = {},
           .ocsp = {},
           .host = {{"error", answer.error().to_string()}, {"kind", std::move(kind)}}}};
}

void merge(Result<Items> answer, const std::string& vendor, const std::string& fact, Items& items) {
  if (answer) return merge_by_address(*std::move(answer), items);
  for (evidence::GpuItem& item : items)
    if (item.vendor == vendor) item.host[fact] = answer.error().to_string();
}

}  // namespace

Result<std::optional<Bytes>> read_kernel_log(const Path& path) {
  if (path.empty()) return std::nullopt;
  TRY(const bool there, system_files().exists(path));
  if (!there) return std::nullopt;
  TRY(Bytes log, read_file(path, evidence::item_size_limit));
  return log;
}

Result<std::vector<evidence::ModelFile>> digest_models(const std::vector<Path>& paths) {
  std::vector<Path> files;
  for (const Path& path : paths) std::ranges::copy(files_of(path), std::back_inserter(files));
  std::ranges::sort(files);
  const auto repeated = std::ranges::unique(files);
  files.erase(repeated.begin(), repeated.end());

  std::vector<evidence::ModelFile> models;
  for (const Path& file : files) {
    TRY(const bool there, system_files().exists(file));
    if (!there) continue;
    TRY_WITHIN(file.string(), const model::FileDigests digests, model::digest_file(file));
    models.push_back({.path = file.string(),
                      .size = digests.size,
                      .sha256 = digests.sha256,
                      .fsverity = digests.fsverity});
  }
  return models;
}

bool is_reported_model(const Path& file, const std::vector<Path>& paths) {
  return std::ranges::any_of(paths, [&file](const Path& path) {
    return file == path || (file.parent_path() == path && is_model_file(file));
  });
}

evidence::HostFacts host_facts() {
  evidence::HostFacts facts;
  utsname kernel{};
  if (::uname(&kernel) == 0) {
    facts["host.name"] = std::string(kernel.nodename);
    facts["kernel.release"] = std::string(kernel.release);
    facts["kernel.version"] = std::string(kernel.version);
    facts["kernel.machine"] = std::string(kernel.machine);
  }
  add_operating_system(facts);
  add_processor(facts);
  add_devices("/sys", facts);
  return facts;
}

Result<std::vector<evidence::EvidenceItem>> collect_gpus(const Sha256& challenge_digest,
                                                         const GpuSources& sources) {
  const auto label_of = [](std::size_t number) { return evidence::label::gpu(number); };
  std::size_t before = 0;  // devices that stand in front of those being asked
  const NonceFor nonce = [&](std::size_t number) {
    return evidence::gpu_nonce(challenge_digest, label_of(before + number));
  };
  Items all = or_reason(
      collect_in_child([&] { return read_nvml(sources.nvml, nonce); }, sources.time_limit), "gpu");
  before = all.size();
  std::ranges::move(or_reason(collect_in_child([&] { return read_nscq(sources.nscq, nonce); },
                                               sources.time_limit),
                              "nvswitch"),
                    std::back_inserter(all));
  Items others = sysfs_gpus(sources.sysfs);
  merge(collect_in_child([&] { return read_amd_smi(sources.amd_smi); }, sources.time_limit), "amd",
        "smi.error", others);
  merge(collect_in_child([&] { return read_level_zero(sources.level_zero); }, sources.time_limit),
        "intel", "ze.error", others);
  std::ranges::move(others, std::back_inserter(all));
  std::vector<evidence::EvidenceItem> items;
  for (const evidence::GpuItem& gpu : all) {
    if (items.size() == evidence::gpu_limit) break;
    items.push_back(
        {label_of(items.size()), std::string(evidence::gpu_media_type), evidence::encode_gpu(gpu)});
  }
  return items;
}

}  // namespace attest::agentd
