// attestctl model: quantize, convert, merge: operations that give the same bytes everywhere,
// entered into a ledger where a licence is named.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_place.h"
#include "cli/model_subject.h"
#include "cli/submission.h"
#include "libattest/base/text.h"
#include "libattest/lineage/perform.h"
#include "libattest/model/digest.h"
#include "libattest/model/gguf.h"

namespace attest::cli {

namespace {

struct Parent {
  std::string role;
  std::string path;
};

// Entry is what a release of the result says beside the operation.
struct Entry {
  SubmissionOptions submission;
  std::string licence;
  std::string name;
  std::vector<std::string> jurisdictions;
};

void add_entry_options(Command* verb, Entry& entry) {
  verb->add_option("--licence", entry.licence,
                   "Release the result under this SPDX licence expression: sign the descent, and "
                   "enter it");
  verb->add_option("--name", entry.name, "What people know it by; the file's name without");
  verb->add_option("--jurisdiction", entry.jurisdictions,
                   "Under whose law it was made, such as EU; may be repeated");
  add_entering_options(verb, entry.submission);
}

struct Made {
  statement::Operation operation;
  std::vector<statement::Parent> parents;
  Bytes bytes;
};

// How many tensors of each type a GGUF file has: "4 Q4_K, 1 Q6_K, 3 F32".
std::string types_in(const Bytes& file) {
  const auto gguf = model::parse_gguf(file);
  std::map<std::string_view, std::size_t> counts;
  if (gguf)
    for (const model::GgufTensor& tensor : gguf->tensors()) ++counts[to_string(tensor.type)];
  std::string text;
  for (const auto& [type, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(type);
  return text;
}

Report report_of(const std::string& output, const Made& made) {
  const std::string digest = digest_uri(sha256(made.bytes));
  Report report;
  report.json = {{"operation", {{"name", made.operation.name}}},
                 {"subject", digest},
                 {"size", made.bytes.size()},
                 {"parents", OrderedJson::array()}};
  report.line(output + ": " + lineage::performance_text(made.operation));
  report.field("size", with_thousands(made.bytes.size()) + " bytes");
  report.field("sha256", digest);
  if (const std::string types = types_in(made.bytes); !types.empty())
    report.field("tensors", types);
  for (const auto& [name, value] : made.operation.parameters)
    report.json["operation"]["parameters"][*name.as_text()] = *value.as_text();
  for (const statement::Parent& parent : made.parents) {
    report.field(parent.role, parent.subject.text());
    report.json["parents"].push_back(parent.subject.text());
  }
  if (made.parents.size() == 1) report.json["parent"] = made.parents.front().subject.text();
  return report;
}

void tell_how_to_enter(Report& report, const std::string& output, const Made& made) {
  report.line("Enter the descent: attestctl lineage add " + output + " --operation " +
              made.operation.name);
  for (const auto& [name, value] : made.operation.parameters)
    report.line("  --parameter " + *name.as_text() + "=" + *value.as_text());
  for (const statement::Parent& parent : made.parents)
    report.line("  --parent " + parent.role + ":" + parent.subject.text());
}

Status enter(const Entry& entry, const std::string& output, const Made& made, Report& report,
             Time now) {
  std::vector<std::string> jurisdictions = entry.jurisdictions;
  std::ranges::sort(jurisdictions);
  const std::string file_name = Path(output).filename().string();
  statement::ModelRelease release{entry.name.empty() ? file_name : entry.name,
                                  {},
                                  made.operation,
                                  made.parents,
                                  entry.licence,
                                  std::move(jurisdictions)};
  const model::FileDigests digests = model::digest_bytes(made.bytes);
  release.files.push_back({file_name, digests.size, digests.sha256, digests.fsverity});
  const statement::Subject subject = statement::subject_of(release);
  TRY(const Report entered, submit(entry.submission, statement::Kind::model_release, subject,
                                   statement::encode(release), now));
  for (const std::string& line : entered.lines()) report.line(line);
  report.json["entry"] = entered.json;
  if (entry.submission.server.url.empty()) return {};
  TRY_VOID(write_bundle(entry.submission.server, output, subject,
                        entered.json["index"].get<std::uint64_t>()));
  report.field("bundle", output + ".attest/bundle.cbor");
  report.json["bundle"] = output + ".attest/bundle.cbor";
  return {};
}

Status check_entry(const Entry& entry) {
  const SubmissionOptions& to = entry.submission;
  const bool asked = !to.issuer.empty() || !to.key.empty() || !to.server.url.empty() ||
                     !to.output.empty() || !entry.name.empty() || !entry.jurisdictions.empty();
  if (entry.licence.empty() && asked)
    return fail(usage_error("the result is released under a licence: name it with --licence"));
  if (!entry.licence.empty() &&
      (to.issuer.empty() || to.key.empty() || (to.server.url.empty() && to.output.empty())))
    return fail(usage_error(
        "a release needs --issuer NAME, --key KEY, and --server URL or --statement FILE"));
  return {};
}

Result<Report> make(const statement::Operation& operation, const std::vector<Parent>& from,
                    const std::string& output, const Entry& entry, Time now) {
  TRY_VOID(check_entry(entry));
  std::vector<OwnedModel> owned;
  for (const Parent& parent : from) {
    TRY(OwnedModel model, OwnedModel::read(parent.path));
    owned.push_back(std::move(model));
  }
  Made made{operation, {}, {}};
  std::vector<lineage::ParentFiles> parents;
  for (std::size_t i = 0; i < from.size(); ++i) {
    parents.push_back({from[i].role, owned[i].files()});
    made.parents.push_back({from[i].role, lineage::subject_of_files(owned[i].files())});
  }
  Threads threads;
  TRY_WITHIN(from.front().path, made.bytes,
             lineage::perform(operation, parents, threads.executor()));
  TRY_VOID(write_file_atomically(output, made.bytes));
  Report report = report_of(output, made);
  if (entry.licence.empty())
    tell_how_to_enter(report, output, made);
  else
    TRY_VOID(enter(entry, output, made, report, now));
  return report;
}

struct MakeOptions {
  Entry entry;
  std::string path;
  std::string output;
  std::string to = "q8_0";
};

void add_quantize(CommandLine& command_line, Command* group) {
  Command* verb =
      command_line.verb(group, "quantize", "Quantise a GGUF file, the same bytes everywhere",
                        "attestctl model quantize tiny-f32.gguf --to q4_k --output tiny-q4.gguf");
  auto options = std::make_shared<MakeOptions>();
  verb->add_option("FILE", options->path, "The source")->required();
  verb->add_option("--output", options->output, "Where to write the result")->required();
  verb->add_option("--to", options->to, "q8_0, q4_0, q4_k, q5_k or q6_k; q8_0 without")
      ->one_of({"q8_0", "q4_0", "q4_k", "q5_k", "q6_k"});
  add_entry_options(verb, options->entry);
  command_line.runs(verb, [options](const Context& context) {
    return make({"quantize", {{"to", options->to}}}, {{"base", options->path}}, options->output,
                options->entry, context.now);
  });
}

void add_convert(CommandLine& command_line, Command* group) {
  Command* verb = command_line.verb(
      group, "convert", "Convert a directory of safetensors to GGUF, the same bytes everywhere",
      "attestctl model convert ./tiny-llama --output tiny-llama.gguf");
  auto options = std::make_shared<MakeOptions>();
  verb->add_option("DIR", options->path,
                   "The model: config.json, tokenizer.json, *.safetensors, single or sharded")
      ->required();
  verb->add_option("--output", options->output, "Where to write the result")->required();
  add_entry_options(verb, options->entry);
  command_line.runs(verb, [options](const Context& context) {
    return make({"convert", {{"to", "gguf"}}}, {{"base", options->path}}, options->output,
                options->entry, context.now);
  });
}

struct MergeOptions {
  Entry entry;
  std::vector<std::string> models;
  std::vector<std::string> weights;
  std::string t;
  std::string base;
  std::string adapter;
  std::string output;
};

std::optional<float> number_in(const std::string& text) {
  float value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

Status check_numbers(const MergeOptions& options) {
  for (const std::string& weight : options.weights)
    if (!number_in(weight))
      return fail(usage_error("--weight takes numbers, not \"" + weight + "\""));
  const float t = options.t.empty() ? 0.0F : number_in(options.t).value_or(-1.0F);
  if (t < 0 || t > 1)
    return fail(usage_error("--slerp takes a number from 0 to 1, not \"" + options.t + "\""));
  return {};
}

Result<Report> merge(const MergeOptions& options, Time now) {
  const bool lora = !options.base.empty() && !options.adapter.empty();
  const bool slerp = !options.t.empty();
  const bool linear = !options.weights.empty();
  if (lora + slerp + linear != 1 || lora != options.models.empty() ||
      lora != !(options.base.empty() && options.adapter.empty()))
    return fail(usage_error(
        "give models with --weight each, two models with --slerp, or --base and --adapter"));
  TRY_VOID(check_numbers(options));
  if (lora)
    return make({"merge", {{"method", "lora"}}},
                {{"base", options.base}, {"adapter", options.adapter}}, options.output,
                options.entry, now);
  if (slerp && options.models.size() != 2) return fail(usage_error("--slerp merges two models"));
  if (linear && options.models.size() != options.weights.size())
    return fail(usage_error("give a --weight for each model, in their order"));
  std::vector<Parent> parents;
  for (const std::string& path : options.models) parents.push_back({"base", path});
  std::string weights;
  for (const std::string& weight : options.weights)
    weights += (weights.empty() ? "" : ",") + weight;
  const statement::Operation operation =
      slerp ? statement::Operation{"merge", {{"method", "slerp"}, {"t", options.t}}}
            : statement::Operation{"merge", {{"method", "linear"}, {"weights", weights}}};
  return make(operation, parents, options.output, options.entry, now);
}

void add_merge(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<MergeOptions>();
  Command* verb = command_line.verb(
      group, "merge", "Merge safetensors weights, the same bytes everywhere",
      "attestctl model merge a.safetensors b.safetensors --weight 0.5 0.5 --output m.safetensors");
  verb->add_option(
      "MODELS", options->models,
      "Models with the same tensors, files or directories, for a linear or SLERP merge");
  verb->add_option("--weight", options->weights, "A weight for each model, in their order");
  verb->add_option("--slerp", options->t,
                   "How far from the first model to the second, on the arc between them: 0 to 1");
  verb->add_option("--base", options->base, "The model that an adapter is for");
  verb->add_option("--adapter", options->adapter,
                   "A LoRA adapter's directory: adapter_model.safetensors, adapter_config.json");
  verb->add_option("--output", options->output, "Where to write the result")->required();
  add_entry_options(verb, options->entry);
  command_line.runs(verb,
                    [options](const Context& context) { return merge(*options, context.now); });
}

}  // namespace

void add_model_make_commands(CommandLine& command_line, Command* group) {
  add_quantize(command_line, group);
  add_convert(command_line, group);
  add_merge(command_line, group);
}

}  // namespace attest::cli
