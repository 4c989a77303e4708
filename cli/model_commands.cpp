// attestctl model: digest, quantize, merge.
#include <mutex>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_place.h"
#include "libattest/base/text.h"
#include "libattest/model/digest.h"
#include "libattest/model/merge.h"
#include "libattest/model/oms_files.h"
#include "libattest/model/quantize.h"

namespace attest::cli {

namespace {

struct ModelOptions {
  std::string path;
  std::string output;
  std::string to = "q8_0";
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

Result<Report> quantize(const ModelOptions& options) {
  TRY(const Bytes source, read_file(options.path, 64ULL << 30));
  TRY_WITHIN(options.path, const Bytes quantized, model::quantize_gguf(source));
  TRY_VOID(write_file_atomically(options.output, quantized));
  const model::FileDigests from = model::digest_bytes(source);
  const model::FileDigests to = model::digest_bytes(quantized);
  Report report;
  report.line(options.output + ": " + options.path + " in " + options.to);
  report.field("size", with_thousands(from.size) + " bytes to " + with_thousands(to.size));
  report.field("sha256", to_hex(to.sha256));
  report.line("Enter the descent: attestctl lineage add " + options.output +
              " --operation quantize");
  report.line("  --parent base:" + digest_uri(from.sha256));
  report.json = {
      {"parent", digest_uri(from.sha256)}, {"subject", digest_uri(to.sha256)}, {"size", to.size}};
  return report;
}

struct MergeOptions {
  std::vector<std::string> files;
  std::vector<float> weights;
  std::string base;
  std::string adapter;
  std::string output;
};

constexpr std::uint64_t largest_weights = 64ULL << 30;

Result<Bytes> merge_files(const MergeOptions& options, std::vector<Sha256>& parents) {
  std::vector<Bytes> contents;
  for (const std::string& file : options.files) {
    TRY(Bytes content, read_file(file, largest_weights));
    parents.push_back(sha256(content));
    contents.push_back(std::move(content));
  }
  return model::merge_linear(contents, options.weights);
}

Result<Bytes> merge_adapter(const MergeOptions& options, std::vector<Sha256>& parents) {
  TRY(const Bytes base, read_file(options.base, largest_weights));
  TRY(const Bytes adapter,
      read_file(Path(options.adapter) / "adapter_model.safetensors", largest_weights));
  TRY(const std::string config, read_text_file(Path(options.adapter) / "adapter_config.json"));
  parents = {sha256(base), sha256(adapter)};
  return model::merge_lora(base, adapter, config);
}

Result<Report> merge(const MergeOptions& options) {
  const bool adapter = !options.base.empty() || !options.adapter.empty();
  if (adapter == !options.files.empty())
    return fail(usage_error("give files with --weight each, or --base and --adapter"));
  if (adapter && (options.base.empty() || options.adapter.empty()))
    return fail(usage_error("--base and --adapter belong together"));
  std::vector<Sha256> parents;
  TRY(const Bytes merged,
      adapter ? merge_adapter(options, parents) : merge_files(options, parents));
  TRY_VOID(write_file_atomically(options.output, merged));
  const Sha256 digest = sha256(merged);
  Report report;
  report.line(options.output + ": merged, " + with_thousands(merged.size()) + " bytes");
  report.field("sha256", to_hex(digest));
  report.json = {{"subject", digest_uri(digest)}, {"size", merged.size()}};
  report.json["parents"] = OrderedJson::array();
  for (const Sha256& parent : parents) {
    report.field("parent", digest_uri(parent));
    report.json["parents"].push_back(digest_uri(parent));
  }
  report.line("Enter the descent: attestctl lineage add " + options.output + " --operation merge");
  return report;
}

void add_merge(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<MergeOptions>();
  Command* verb = command_line.verb(
      group, "merge", "Merge safetensors weights, the same bytes everywhere",
      "attestctl model merge a.safetensors b.safetensors --weight 0.5 0.5 --output m.safetensors");
  verb->add_option("FILES", options->files, "Files with the same tensors, for a linear merge");
  verb->add_option("--weight", options->weights, "A weight for each file, in their order");
  verb->add_option("--base", options->base, "The file that an adapter is for");
  verb->add_option("--adapter", options->adapter,
                   "A LoRA adapter's directory: adapter_model.safetensors, adapter_config.json");
  verb->add_option("--output", options->output, "Where to write the result")->required();
  command_line.runs(verb, [options](const Context&) { return merge(*options); });
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

  options = std::make_shared<ModelOptions>();
  verb = command_line.verb(group, "quantize", "Quantise a GGUF file, the same bytes everywhere",
                           "attestctl model quantize tiny-f32.gguf --output tiny-q8.gguf");
  verb->add_option("FILE", options->path, "The source")->required();
  verb->add_option("--output", options->output, "Where to write the result")->required();
  verb->add_option("--to", options->to, "q8_0")->one_of({"q8_0"});
  command_line.runs(verb, [options](const Context&) { return quantize(*options); });
  add_merge(command_line, group);
}

}  // namespace attest::cli
