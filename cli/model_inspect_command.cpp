// attestctl model inspect: what a model file, or a directory of them, holds and says of itself.
#include <algorithm>
#include <map>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/text.h"
#include "libattest/model/directory.h"
#include "libattest/model/format.h"
#include "libattest/model/gguf.h"
#include "libattest/model/safetensors.h"
#include "libattest/model/safetensors_index.h"

namespace attest::cli {

namespace {

constexpr std::uint64_t text_limit = 64U << 20;
constexpr std::size_t front_size = 4096;

struct InspectOptions {
  std::string path;
};

using Findings = std::vector<model::Finding>;

// Shown is what one file holds, and what was found in it.
struct Shown {
  Report report;
  Findings findings;
};

Result<Bytes> read_up_to(File& file, std::uint64_t most) {
  TRY(const std::uint64_t size, file.size());
  Bytes content(std::min(size, most));
  TRY(const std::size_t got, file.read_at(0, content));
  content.resize(got);
  return content;
}

Result<std::string> read_text(File& file) {
  TRY(const std::uint64_t size, file.size());
  if (size > text_limit)
    return fail(refused(rules::file_too_large, "the text is too large to be a configuration")
                    .expected("at most " + std::to_string(text_limit) + " bytes")
                    .found(std::to_string(size)));
  TRY(const Bytes content, read_up_to(file, text_limit));
  return std::string(as_text(content));
}

void add_finding(Report& report, const model::Finding& finding, const std::string& file = {}) {
  OrderedJson json = {{"rule", finding.rule.name}, {"what", finding.what}};
  if (!finding.where.empty()) json["where"] = finding.where;
  if (!file.empty()) json["file"] = file;
  report.json["findings"].push_back(std::move(json));
  const std::string place = file.empty() ? finding.where : file;
  report.field(
      "FINDING",
      (place.empty() ? "" : printable(place) + ": ") + finding.what +
          (file.empty() || finding.where.empty() ? "" : " (" + printable(finding.where, 80) + ")"));
  report.outcome = worse_of(report.outcome, Outcome::refused);
}

OrderedJson value_json(const model::GgufValue& value) {
  return std::visit(
      [](const auto& content) -> OrderedJson {
        if constexpr (std::is_same_v<std::decay_t<decltype(content)>, model::GgufArray>)
          return {{"array", content.size()}};
        else
          return content;
      },
      value.content);
}

std::string value_text(const model::GgufValue& value) {
  const OrderedJson json = value_json(value);
  if (const auto* text = std::get_if<std::string>(&value.content)) return printable(*text, 120);
  if (json.is_object()) return with_thousands(json["array"].get<std::uint64_t>()) + " elements";
  return to_line(json);
}

std::string shape_text(const std::vector<std::uint64_t>& dimensions) {
  std::string text;
  for (const std::uint64_t dimension : dimensions)
    text += (text.empty() ? "" : " × ") + std::to_string(dimension);
  return text.empty() ? "scalar" : text;
}

// Summary counts tensors, elements and bytes by type: what people ask first.
class Summary {
 public:
  void add(std::string_view type, std::uint64_t elements, std::uint64_t bytes) {
    Count& count = by_type_[std::string(type)];
    for (Count* each : {&count, &all_}) {
      ++each->tensors;
      each->elements += elements;
      each->bytes += bytes;
    }
  }
  void print_to(Report& report) const {
    report.field("parameters", with_thousands(all_.elements));
    report.field("data", with_thousands(all_.bytes) + " bytes");
    std::string types;
    report.json["parameters"] = all_.elements;
    report.json["data_bytes"] = all_.bytes;
    report.json["types"] = OrderedJson::object();
    for (const auto& [type, count] : by_type_) {
      types += (types.empty() ? "" : ", ") + type + " (" + std::to_string(count.tensors) + ")";
      report.json["types"][type] = {
          {"tensors", count.tensors}, {"elements", count.elements}, {"bytes", count.bytes}};
    }
    if (!types.empty()) report.field("types", types);
  }

 private:
  struct Count {
    std::uint64_t tensors = 0;
    std::uint64_t elements = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Count> by_type_;
  Count all_;
};

bool speaks_of_lineage(std::string_view key) {
  return key.starts_with("general.base_model.") || key.starts_with("general.source.") ||
         key.starts_with("general.dataset.") || key.starts_with("general.license") ||
         key == "general.quantized_by";
}

void show_keys(Report& report, const model::Gguf& gguf) {
  report.json["keys"] = OrderedJson::object();
  report.json["lineage"] = OrderedJson::object();
  for (const model::GgufEntry& entry : gguf.entries()) {
    report.line("  " + padded(entry.key, 40) + " " + value_text(entry.value));
    report.json["keys"][entry.key] = value_json(entry.value);
    if (speaks_of_lineage(entry.key)) report.json["lineage"][entry.key] = value_json(entry.value);
  }
}

Findings findings_of(const model::Gguf& gguf) {
  Findings findings;
  for (const model::GgufEntry& entry : gguf.entries()) {
    const auto* text = std::get_if<std::string>(&entry.value.content);
    if (text == nullptr || !entry.key.starts_with("tokenizer.chat_template")) continue;
    for (model::Finding& each : model::code_in_template(*text)) {
      each.where = entry.key;
      findings.push_back(std::move(each));
    }
  }
  return findings;
}

Result<Shown> show_gguf(const std::string& path, File& file) {
  TRY_WITHIN(path, const model::Gguf gguf, model::read_gguf(file));
  Report report;
  report.line(path + ": GGUF version " + std::to_string(gguf.version()) + ", " +
              std::to_string(gguf.tensors().size()) + " tensors");
  TRY(const std::string architecture, gguf.text_or("general.architecture", ""));
  report.json = {{"format", "gguf"}, {"version", gguf.version()}, {"alignment", gguf.alignment()}};
  if (!architecture.empty()) {
    report.field("architecture", printable(architecture));
    report.json["architecture"] = architecture;
  }
  Table table({"tensor", "type", "shape", "bytes"});
  Summary summary;
  OrderedJson tensors = OrderedJson::array();
  for (const model::GgufTensor& tensor : gguf.tensors()) {
    const std::string type(model::to_string(tensor.type));
    table.row(
        {printable(tensor.name), type, shape_text(tensor.dimensions), with_thousands(tensor.size)});
    tensors.push_back({{"name", tensor.name},
                       {"type", type},
                       {"dimensions", tensor.dimensions},
                       {"offset", tensor.offset},
                       {"size", tensor.size}});
    summary.add(type, tensor.columns() * tensor.rows(), tensor.size);
  }
  summary.print_to(report);
  show_keys(report, gguf);
  if (!gguf.tensors().empty()) table.print_to(report);
  report.json["tensors"] = std::move(tensors);
  return Shown{std::move(report), findings_of(gguf)};
}

void show_tensors(Report& report, const model::Safetensors& file, Summary& summary,
                  OrderedJson& tensors, const std::string& shard = {}) {
  Table table({"tensor", "type", "shape", "bytes"});
  for (const model::SafetensorsTensor& tensor : file.tensors) {
    table.row({printable(tensor.name), tensor.dtype, shape_text(tensor.shape),
               with_thousands(tensor.size)});
    OrderedJson json = {{"name", tensor.name},
                        {"type", tensor.dtype},
                        {"dimensions", tensor.shape},
                        {"offset", tensor.offset},
                        {"size", tensor.size}};
    if (!shard.empty()) json["file"] = shard;
    tensors.push_back(std::move(json));
    summary.add(tensor.dtype, tensor.elements(), tensor.size);
  }
  if (!file.tensors.empty()) table.print_to(report);
}

Result<Shown> show_safetensors(const std::string& path, File& file) {
  TRY_WITHIN(path, const model::Safetensors content, model::read_safetensors(file));
  Report report;
  report.line(path + ": safetensors, " + std::to_string(content.tensors.size()) + " tensors");
  report.json = {{"format", "safetensors"}, {"metadata", OrderedJson::object()}};
  for (const auto& [key, value] : content.metadata) {
    report.line("  " + padded(printable(key), 40) + " " + printable(value, 120));
    report.json["metadata"][key] = value;
  }
  Summary summary;
  OrderedJson tensors = OrderedJson::array();
  Report table;
  show_tensors(table, content, summary, tensors);
  summary.print_to(report);
  for (const std::string& line : table.lines()) report.line(line);
  report.json["tensors"] = std::move(tensors);
  return Shown{std::move(report), {}};
}

// A model in several files, read beneath the directory that its index stands in.
Result<Shown> show_index(const std::string& path, File& file,
                         const model::ModelDirectory& directory) {
  TRY(const std::string text, read_text(file));
  TRY_WITHIN(path, const model::SafetensorsIndex index, model::parse_safetensors_index(text));
  std::map<std::string, model::Safetensors> shards;
  for (const std::string& name : index.files()) {
    auto shard = directory.open_file(name, model::Symlinks::follow_inside);
    if (!shard && shard.error().rule == rules::directory_missing) continue;
    if (!shard) return fail(std::move(shard).error());
    TRY_WITHIN(name, model::Safetensors content, model::read_safetensors(**shard));
    shards.emplace(name, std::move(content));
  }
  if (auto checked = model::check_shards(index, shards); !checked)
    return fail(std::move(checked).error().within(path));
  Report report;
  report.line(path + ": safetensors in " + std::to_string(shards.size()) + " files, " +
              std::to_string(index.weight_map.size()) + " tensors");
  report.json = {{"format", "safetensors-index"}, {"files", OrderedJson::array()}};
  Summary summary;
  OrderedJson tensors = OrderedJson::array();
  Report table;
  for (const auto& [name, shard] : shards) {
    report.json["files"].push_back({{"name", name}, {"size", shard.file_size}});
    table.line("  " + name + ", " + with_thousands(shard.file_size) + " bytes");
    show_tensors(table, shard, summary, tensors, name);
  }
  summary.print_to(report);
  for (const std::string& line : table.lines()) report.line(line);
  report.json["tensors"] = std::move(tensors);
  return Shown{std::move(report), {}};
}

Result<Shown> show_code(const std::string& path, model::FileFormat format, File& file) {
  Findings findings = model::code_by_format(format);
  if (format == model::FileFormat::configuration) {
    TRY(const std::string text, read_text(file));
    TRY_WITHIN(path, findings, model::code_in_configuration(text));
  } else if (format == model::FileFormat::template_text) {
    TRY(const std::string text, read_text(file));
    findings = model::code_in_template(text);
  }
  Report report;
  report.line(path + ": " + std::string(model::to_string(format)));
  report.json = {{"format", model::to_string(format)}};
  return Shown{std::move(report), std::move(findings)};
}

Result<Shown> show_file(const std::string& path, const std::string& name, File& file,
                        const model::ModelDirectory& directory) {
  TRY(const Bytes front, read_up_to(file, front_size));
  const model::FileFormat format = model::tell_format(name, front);
  switch (format) {
    case model::FileFormat::gguf:
      return show_gguf(path, file);
    case model::FileFormat::safetensors:
      return show_safetensors(path, file);
    case model::FileFormat::safetensors_index:
      return show_index(path, file, directory);
    default:
      return show_code(path, format, file);
  }
}

// What a model's own configuration calls its architecture; nothing where it does not say.
std::string architecture_in(const Json& configuration) {
  if (!configuration.is_object()) return {};
  const auto list = configuration.find("architectures");
  if (list != configuration.end() && list->is_array() && !list->empty() && (*list)[0].is_string())
    return (*list)[0].get<std::string>();
  const auto type = configuration.find("model_type");
  return type != configuration.end() && type->is_string() ? type->get<std::string>() : "";
}

void show_architecture(Report& report, const model::ModelDirectory& directory) {
  const auto file = directory.open_file("config.json", model::Symlinks::follow_inside);
  if (!file) return;
  const auto text = read_text(**file);
  const auto configuration = text ? parse_json(*text) : fail(text.error());
  const std::string name = configuration ? architecture_in(*configuration) : "";
  if (name.empty()) return;
  report.field("architecture", printable(name));
  report.json["architecture"] = name;
}

Result<Shown> show_member(const model::ModelDirectory& directory, const std::string& name) {
  const Path path(name);
  TRY(const auto file, directory.open_file(name, model::Symlinks::follow_inside));
  TRY(const model::ModelDirectory folder,
      directory.folder(path.has_parent_path() ? path.parent_path().string() : "."));
  return show_file(name, path.filename().string(), *file, folder);
}

Result<Report> show_directory(const std::string& path) {
  TRY(const model::ModelDirectory directory, model::ModelDirectory::open(path));
  TRY(const auto files, directory.list(model::Symlinks::follow_inside, {".git"}));
  Report report;
  report.line(path + ": " + std::to_string(files.size()) + " files");
  report.json = {{"format", "directory"}};
  show_architecture(report, directory);
  report.json["files"] = OrderedJson::array();
  Table table({"file", "format", "bytes"});
  Report below;
  for (const model::DirectoryFile& each : files) {
    auto shown = show_member(directory, each.name);
    if (!shown && shown.error().kind != ErrorKind::refused) return fail(std::move(shown).error());
    if (!shown)
      add_finding(below, {shown.error().rule, shown.error().what, shown.error().found_value},
                  each.name);
    const std::string format =
        shown ? shown->report.json.value("format", std::string()) : std::string("malformed");
    table.row({printable(each.name), format, with_thousands(each.identity.size)});
    report.json["files"].push_back(
        {{"name", each.name}, {"format", format}, {"size", each.identity.size}});
    if (!shown) continue;
    for (const model::Finding& finding : shown->findings) add_finding(below, finding, each.name);
  }
  table.print_to(report);
  for (const std::string& line : below.lines()) report.line(line);
  report.json["findings"] = below.json.value("findings", OrderedJson::array());
  report.outcome = below.outcome;
  return report;
}

// Beside a model anything may lie, but whoever asks about one file wants to know about a model.
Status check_known(const std::string& path, const std::string& name, File& file) {
  TRY(const Bytes front, read_up_to(file, front_size));
  if (model::tell_format(name, front) != model::FileFormat::other) return {};
  return fail(refused(rules::format_unknown, "the file has no format that a model's files have")
                  .expected("GGUF, safetensors, an index of shards, or a configuration")
                  .within(path));
}

Result<Report> show_one(const std::string& place) {
  const Path path(place);
  TRY(const auto file, model::OpenedFile::open(path));
  TRY(const model::ModelDirectory directory,
      model::ModelDirectory::open(path.has_parent_path() ? path.parent_path() : Path(".")));
  TRY_VOID(check_known(place, path.filename().string(), *file));
  TRY(Shown shown, show_file(place, path.filename().string(), *file, directory));
  shown.report.json["findings"] = OrderedJson::array();
  for (const model::Finding& finding : shown.findings) add_finding(shown.report, finding);
  return std::move(shown.report);
}

Result<Report> inspect(const InspectOptions& options) {
  std::error_code error;
  const bool many = std::filesystem::is_directory(options.path, error);
  TRY(Report report, many ? show_directory(options.path) : show_one(options.path));
  if (report.outcome == Outcome::refused)
    report.line("A loader could run code from this. Ask for safetensors or GGUF instead.");
  else
    report.line(
        "What a file says of its own descent is a claim; check it: attestctl lineage verify " +
        options.path);
  return report;
}

}  // namespace

void add_model_inspect_command(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<InspectOptions>();
  Command* verb =
      command_line.verb(group, "inspect", "Show what a model file holds, and code hidden in it",
                        "attestctl model inspect tiny.gguf");
  verb->add_option("FILE", options->path,
                   "A GGUF or safetensors file, an index of several, or a directory")
      ->required();
  command_line.runs(verb, [options](const Context&) { return inspect(*options); });
}

}  // namespace attest::cli
