// attestctl lineage: add, run, consent, revoke: what is said of models.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_subject.h"
#include "cli/submission.h"
#include "libattest/model/digest.h"

namespace attest::cli {

namespace {

struct AddOptions {
  SubmissionOptions submission;
  std::string file;
  std::string name;
  std::string licence;
  std::vector<std::string> jurisdictions;
  bool data_set = false;
  bool consent_required = false;
  std::string operation;
  std::vector<std::string> parents;
  std::vector<std::string> parameters;
};

// "base:sha256:…" or "base:FILE", whose digest is then taken.
Result<statement::Parent> parse_parent(const std::string& text, Terminal& terminal) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    return fail(usage_error("--parent takes ROLE:sha256:… or ROLE:FILE, not \"" + text + "\""));
  const std::string role = text.substr(0, colon);
  const std::string rest = text.substr(colon + 1);
  if (rest.starts_with("sha256:")) {
    TRY_WITHIN("--parent", const auto subject, statement::Subject::parse(rest));
    return statement::Parent{role, subject};
  }
  statement::ModelRelease parent;
  TRY(parent.files, files_of(rest, &terminal));
  return statement::Parent{role, statement::subject_of(parent)};
}

// "learning_rate=0.001": parameters are text; numbers are kept as written.
Result<cbor::Map> parse_parameters(const std::vector<std::string>& texts) {
  cbor::Map parameters;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(usage_error("--parameter takes NAME=VALUE, not \"" + text + "\""));
    parameters.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return parameters;
}

struct Prepared {
  statement::Kind kind;
  statement::Subject subject;
  Bytes payload;
};

Result<Prepared> prepare(const AddOptions& options, Terminal& terminal) {
  TRY(auto files, files_of(options.file, &terminal));
  const Path path =
      Path(options.file).has_filename() ? Path(options.file) : Path(options.file).parent_path();
  const std::string file_name = path.filename().string();
  const std::string name = options.name.empty() ? file_name : options.name;
  std::vector<std::string> jurisdictions = options.jurisdictions;
  std::ranges::sort(jurisdictions);
  if (options.data_set && options.consent_required)
    return fail(usage_error("a data set asks for no consent: --consent-required is for models"));
  if (options.data_set) {
    statement::DataSet data{name, {}, options.licence, jurisdictions};
    for (const statement::ModelFile& file : files)
      data.files.push_back({file.name, file.size, file.sha256});
    return Prepared{statement::Kind::data_set, statement::subject_of(data),
                    statement::encode(data)};
  }
  statement::ModelRelease release{name,
                                  std::move(files),
                                  {},
                                  {},
                                  options.licence,
                                  std::move(jurisdictions),
                                  options.consent_required};
  for (const std::string& text : options.parents) {
    TRY(auto parent, parse_parent(text, terminal));
    release.parents.push_back(std::move(parent));
  }
  if (!options.operation.empty()) {
    TRY(auto parameters, parse_parameters(options.parameters));
    release.operation = statement::Operation{options.operation, std::move(parameters)};
  }
  return Prepared{statement::Kind::model_release, statement::subject_of(release),
                  statement::encode(release)};
}

Result<Report> add(const AddOptions& options, const Context& context) {
  TRY(const Prepared prepared, prepare(options, context.terminal));
  TRY(Report report,
      submit(options.submission, prepared.kind, prepared.subject, prepared.payload, context.now));
  if (!options.submission.server.url.empty() && !options.data_set) {
    TRY_VOID(write_bundle(options.submission.server, options.file, prepared.subject,
                          report.json["index"].get<std::uint64_t>()));
    report.field("bundle", options.file + ".attest/bundle.cbor");
    report.json["bundle"] = options.file + ".attest/bundle.cbor";
  }
  return report;
}

Result<statement::Subject> subject_named(const std::string& text) {
  if (text.find(':') != std::string::npos) return statement::Subject::parse(text);
  return subject_of_path(text);
}

struct RunOptions {
  SubmissionOptions submission;
  std::string file;
  std::string code;
  std::string code_name;
  std::vector<std::string> parameters;
  std::vector<std::string> inputs;
  std::vector<std::string> nodes;
  std::string started;
  std::string finished;
};

// "rack7-n03=result.jwt", or "rack7-n03" where there is no result.
Result<statement::TrainingHardware> parse_node(const std::string& text) {
  const std::size_t equals = text.find('=');
  statement::TrainingHardware hardware{text.substr(0, equals), {}};
  if (equals != std::string::npos) {
    TRY(hardware.result, read_file(text.substr(equals + 1), 1U << 20));
  }
  return hardware;
}

Result<Report> run(const RunOptions& options, Time now) {
  TRY(const auto output, subject_named(options.file));
  TRY(const auto code, model::digest_file(Path(options.code)));
  TRY(const Time started, parse_time(options.started));
  TRY(const Time finished, parse_time(options.finished));
  TRY(auto parameters, parse_parameters(options.parameters));
  const std::string code_name = Path(options.code).filename().string();
  statement::TrainingRun said{
      output,
      {options.code_name.empty() ? code_name : options.code_name, code.sha256},
      std::move(parameters),
      {},
      {},
      started,
      finished};
  for (const std::string& text : options.inputs) {
    TRY(auto input, subject_named(text));
    said.inputs.push_back(std::move(input));
  }
  for (const std::string& text : options.nodes) {
    TRY(auto hardware, parse_node(text));
    said.hardware.push_back(std::move(hardware));
  }
  std::ranges::sort(said.inputs);
  std::ranges::sort(said.hardware, {}, &statement::TrainingHardware::node);
  return submit(options.submission, statement::Kind::training_run, output, statement::encode(said),
                now);
}

struct ConsentOptions {
  SubmissionOptions submission;
  std::string child;
  std::string parent;
  std::string operation;
};

Result<Report> consent(const ConsentOptions& options, Time now) {
  TRY(const auto child, subject_named(options.child));
  TRY(const auto parent, subject_named(options.parent));
  const statement::Consent said{child, parent, options.operation};
  return submit(options.submission, statement::Kind::consent, child, statement::encode(said), now);
}

struct RevokeOptions {
  SubmissionOptions submission;
  std::string subject;
  std::string reason;
};

Result<Report> revoke(const RevokeOptions& options, Time now) {
  TRY(const auto subject, subject_named(options.subject));
  return submit(options.submission, statement::Kind::revocation, subject,
                statement::encode(statement::Revocation{options.reason}), now);
}

void add_writing_verbs(CommandLine& command_line, Command* group) {
  Command* verb = command_line.verb(
      group, "add", "Release a model or data set: sign where it comes from, and enter it",
      "attestctl lineage add tiny-q8.gguf --operation quantize --parameter to=q8_0 \\\n"
      "    --parent base:tiny-f32.gguf --licence Apache-2.0 --issuer tiny@lab.example \\\n"
      "    --key publisher.key --server https://127.0.0.1:8443");
  auto added = std::make_shared<AddOptions>();
  verb->add_option("FILE", added->file, "The file, or the directory that is one model")->required();
  verb->add_option("--name", added->name, "What people know it by; the file's name without");
  verb->add_option("--licence", added->licence, "An SPDX licence expression")->required();
  verb->add_option("--jurisdiction", added->jurisdictions,
                   "Under whose law it was made, such as EU or US-CA; may be repeated");
  verb->add_flag("--consent-required", added->consent_required,
                 "Whatever others make of it needs your consent");
  verb->add_flag("--data-set", added->data_set, "It is a data set, not a model");
  verb->add_option("--operation", added->operation,
                   "How it was made: train, fine-tune, adapter, merge, quantize, …");
  verb->add_option("--parent", added->parents,
                   "ROLE:sha256:… or ROLE:FILE; roles are base, dataset, adapter, teacher");
  verb->add_option("--parameter", added->parameters,
                   "NAME=VALUE of the operation, may be repeated");
  add_submission_options(verb, added->submission);
  command_line.runs(verb, [added](const Context& context) { return add(*added, context); });

  verb = command_line.verb(
      group, "run", "Say how a model was trained: code, parameters, data and nodes",
      "attestctl lineage run tiny-f32.gguf --code trainer.tar --parameter learning_rate=0.001 \\\n"
      "    --input texts.txt --node rack7-n03=result.jwt --started 2026-11-20T08:00:00Z \\\n"
      "    --finished 2026-11-20T12:00:00Z --issuer tiny@lab.example --key publisher.key \\\n"
      "    --server https://127.0.0.1:8443");
  auto ran = std::make_shared<RunOptions>();
  verb->add_option("FILE", ran->file, "What came out of it: a file, or sha256:…")->required();
  verb->add_option("--code", ran->code, "The archive or image that was run; its digest is taken")
      ->required();
  verb->add_option("--code-name", ran->code_name,
                   "What people know it by; the file's name without");
  verb->add_option("--parameter", ran->parameters,
                   "A hyper-parameter, NAME=VALUE; may be repeated");
  verb->add_option("--input", ran->inputs,
                   "What went in, a file or sha256:…: exactly the parents of the release");
  verb->add_option("--node", ran->nodes,
                   "NODE=RESULT: a node, and the file of an attestation result it had meanwhile");
  verb->add_option("--started", ran->started, "RFC 3339, in UTC")->required();
  verb->add_option("--finished", ran->finished, "RFC 3339, in UTC")->required();
  add_submission_options(verb, ran->submission);
  command_line.runs(verb, [ran](const Context& context) { return run(*ran, context.now); });

  verb = command_line.verb(
      group, "consent", "Agree that a model was made of yours",
      "attestctl lineage consent tuned.gguf --parent base.gguf --operation fine-tune \\\n"
      "    --issuer weights@lab.example --key publisher.key --server https://127.0.0.1:8443");
  auto agreed = std::make_shared<ConsentOptions>();
  verb->add_option("CHILD", agreed->child, "The model that was made: a file, or sha256:…")
      ->required();
  verb->add_option("--parent", agreed->parent, "Your release: a file, or sha256:…")->required();
  verb->add_option("--operation", agreed->operation, "What you agree to: fine-tune, merge, …")
      ->required();
  add_submission_options(verb, agreed->submission);
  command_line.runs(verb,
                    [agreed](const Context& context) { return consent(*agreed, context.now); });

  verb = command_line.verb(
      group, "revoke", "Take a release back",
      "attestctl lineage revoke tiny-q8.gguf --reason \"poisoned data set\" \\\n"
      "    --issuer tiny@lab.example --key publisher.key --server https://127.0.0.1:8443");
  auto revoked = std::make_shared<RevokeOptions>();
  verb->add_option("SUBJECT", revoked->subject, "sha256:…, or the file")->required();
  verb->add_option("--reason", revoked->reason, "Why, in words that others will read")->required();
  add_submission_options(verb, revoked->submission);
  command_line.runs(verb,
                    [revoked](const Context& context) { return revoke(*revoked, context.now); });
}

}  // namespace

void add_lineage_commands(CommandLine& command_line) {
  Command* group = command_line.group("lineage", "Where models come from");
  add_writing_verbs(command_line, group);
  add_lineage_bundle_command(command_line, group);
  add_lineage_graph_commands(command_line, group);
  add_lineage_reproduce_command(command_line, group);
  add_lineage_claim_commands(command_line, group);
}

}  // namespace attest::cli
