// attestctl model: digest.
#include <mutex>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_place.h"
#include "libattest/base/text.h"
#include "libattest/model/digest.h"
#include "libattest/model/oms_files.h"

namespace attest::cli {

namespace {

struct ModelOptions {
  std::string path;
};

struct Digested {
  std::string name;
  std::unique_ptr<model::OpenedFile> file;
  Result<model::FileDigests> digests = model::FileDigests{};
};

// The file, or a directory's files as a signature would list them.
Result<std::vector<Digested>> open_files(const std::string& path) {
  std::error_code error;
  std::vector<Digested> files;
  if (!std::filesystem::is_directory(path, error)) {
    TRY(auto file, model::OpenedFile::open(path));
    files.push_back({path, std::move(file)});
    return files;
  }
  constexpr auto symlinks = model::Symlinks::follow_inside;
  TRY(const auto directory, model::ModelDirectory::open(path));
  TRY(const auto listed, directory.list(symlinks, model::left_out_by_default()));
  for (const model::DirectoryFile& each : listed) {
    TRY(auto file, directory.open_file(each.name, symlinks));
    files.push_back({(Path(path) / each.name).string(), std::move(file)});
  }
  return files;
}

// ProgressOfAll adds up what several threads have read of several files.
class ProgressOfAll {
 public:
  ProgressOfAll(Terminal& terminal, std::string what, std::uint64_t total)
      : terminal_(terminal), what_(std::move(what)), total_(total) {}
  model::Progress of_one() {
    return [this, before = std::uint64_t{0}](std::uint64_t done, std::uint64_t) mutable {
      const std::lock_guard lock(mutex_);
      done_ += done - before;
      before = done;
      terminal_.progress(what_, done_, total_);
    };
  }

 private:
  Terminal& terminal_;
  std::string what_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::mutex mutex_;
};

Result<Report> digest(const ModelOptions& options, const Context& context) {
  Threads threads;
  TRY(auto files, open_files(options.path));
  std::uint64_t total = 0;
  for (const Digested& each : files) {
    TRY(const std::uint64_t size, each.file->size());
    total += size;
  }
  ProgressOfAll progress(context.terminal, "hashing " + options.path, total);
  threads.executor()(files.size(), [&](std::size_t i) {
    files[i].digests = model::digest_file(*files[i].file, progress.of_one());
  });
  Report report;
  report.json["files"] = OrderedJson::array();
  Hasher root;
  for (Digested& each : files) {
    if (!each.digests) return fail(std::move(each.digests).error().within(each.name));
    const model::FileDigests& digests = *each.digests;
    root.update(digests.sha256);
    report.line(printable(each.name));
    report.field("size", with_thousands(digests.size) + " bytes");
    report.field("sha256", to_hex(digests.sha256));
    report.field("fs-verity", to_hex(digests.fsverity));
    report.json["files"].push_back({{"path", each.name},
                                    {"size", digests.size},
                                    {"sha256", to_hex(digests.sha256)},
                                    {"fsverity", to_hex(digests.fsverity)}});
  }
  const std::string root_text = digest_uri(root.finish_sha256());
  report.line("All of it, as a model signature has it");
  report.field("root", root_text);
  report.json["root"] = root_text;
  return report;
}

}  // namespace

void add_model_commands(CommandLine& command_line) {
  Command* group =
      command_line.group("model", "Model files: identity, content, deterministic operations");

  auto options = std::make_shared<ModelOptions>();
  Command* verb = command_line.verb(group, "digest", "SHA-256 and fs-verity digest, in one pass",
                                    "attestctl model digest tiny.gguf");
  verb->add_option("PATH", options->path, "A file, or a directory")->required();
  command_line.runs(verb, [options](const Context& context) { return digest(*options, context); });

  add_model_inspect_command(command_line, group);
  add_model_sign_command(command_line, group);
  add_model_verify_command(command_line, group);
  add_model_make_commands(command_line, group);
}

}  // namespace attest::cli
