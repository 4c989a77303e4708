#include "agentd/collect/collectors.h"

#include <algorithm>

#include <sys/utsname.h>

#include "libattest/base/text.h"
#include "libattest/evidence/evidence.h"
#include "libattest/model/digest.h"

namespace attest::agentd {
namespace {

std::optional<std::string> first_line(const Path& path) {
  const auto text = read_text_file(path, 1U << 16);
  if (!text) return std::nullopt;
  std::string line(split(*text, '\n').front());
  if (line.empty() || !is_utf8(line)) return std::nullopt;
  return line;
}

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
  // The serial numbers need CAP_DAC_READ_SEARCH; what cannot be read is left out.
  for (const char* name : {"sys_vendor", "product_name", "product_serial", "board_vendor",
                           "board_name", "board_serial", "bios_vendor", "bios_version"})
    if (const auto value = first_line(Path("/sys/class/dmi/id") / name))
      facts["dmi." + std::string(name)] = *value;
  return facts;
}

}  // namespace attest::agentd
