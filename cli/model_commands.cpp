// attestctl model: digest, quantize.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/text.h"
#include "libattest/model/digest.h"
#include "libattest/model/quantize.h"

namespace attest::cli {

namespace {

struct ModelOptions {
  std::string path;
  std::string output;
  std::string to = "q8_0";
};

// The file and, for a directory, every regular file below it, in the order of their names.
Result<std::vector<Path>> files_below(const Path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<Path>{path};
  std::vector<Path> files;
  for (std::filesystem::recursive_directory_iterator entry(path, error), end;
       !error && entry != end; entry.increment(error))
    if (entry->is_regular_file() && !entry->is_symlink()) files.push_back(entry->path());
  if (error) {
    Error unreadable =
        incomplete(rules::file_unreadable, "the directory cannot be read: " + error.message());
    return fail(std::move(unreadable).within(path.string()));
  }
  std::ranges::sort(files);
  return files;
}

Result<Report> digest(const ModelOptions& options, const Context& context) {
  TRY(const auto files, files_below(options.path));
  Report report;
  report.json["files"] = OrderedJson::array();
  for (const Path& file : files) {
    TRY(const auto digests, model::digest_file(file, [&](std::uint64_t done, std::uint64_t total) {
          context.terminal.progress("hashing " + file.filename().string(), done, total);
        }));
    report.line(file.string());
    report.field("size", with_thousands(digests.size) + " bytes");
    report.field("sha256", to_hex(digests.sha256));
    report.field("fs-verity", to_hex(digests.fsverity));
    report.json["files"].push_back({{"path", file.string()},
                                    {"size", digests.size},
                                    {"sha256", to_hex(digests.sha256)},
                                    {"fsverity", to_hex(digests.fsverity)}});
  }
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

}  // namespace

void add_model_commands(CommandLine& command_line) {
  CLI::App* group =
      command_line.group("model", "Model files: identity, content, deterministic operations");

  auto options = std::make_shared<ModelOptions>();
  CLI::App* verb = command_line.verb(group, "digest", "SHA-256 and fs-verity digest, in one pass",
                                     "attestctl model digest tiny.gguf");
  verb->add_option("PATH", options->path, "A file, or a directory")->required();
  command_line.runs(verb, [options](const Context& context) { return digest(*options, context); });

  add_model_inspect_command(command_line, group);

  options = std::make_shared<ModelOptions>();
  verb = command_line.verb(group, "quantize", "Quantise a GGUF file, the same bytes everywhere",
                           "attestctl model quantize tiny-f32.gguf --output tiny-q8.gguf");
  verb->add_option("FILE", options->path, "The source")->required();
  verb->add_option("--output", options->output, "Where to write the result")->required();
  verb->add_option("--to", options->to, "q8_0")->check(CLI::IsMember({"q8_0"}));
  command_line.runs(verb, [options](const Context&) { return quantize(*options); });
}

}  // namespace attest::cli
