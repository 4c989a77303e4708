// attestctl lineage: add, run, consent, revoke, bundle: what is said of models.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_file.h"
#include "cli/submission.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"
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
  TRY(const auto digests, model::digest_file(rest, [&](std::uint64_t done, std::uint64_t total) {
        terminal.progress("hashing " + rest, done, total);
      }));
  return statement::Parent{role, statement::Subject::artefact(digests.sha256)};
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
  TRY(const auto digests,
      model::digest_file(options.file, [&](std::uint64_t done, std::uint64_t total) {
        terminal.progress("hashing " + options.file, done, total);
      }));
  const std::string file_name = Path(options.file).filename().string();
  const std::string name = options.name.empty() ? file_name : options.name;
  std::vector<std::string> jurisdictions = options.jurisdictions;
  std::ranges::sort(jurisdictions);
  if (options.data_set && options.consent_required)
    return fail(usage_error("a data set asks for no consent: --consent-required is for models"));
  if (options.data_set) {
    const statement::DataSet data{
        name, {{file_name, digests.size, digests.sha256}}, options.licence, jurisdictions};
    return Prepared{statement::Kind::data_set, statement::subject_of(data),
                    statement::encode(data)};
  }
  statement::ModelRelease release{name,
                                  {{file_name, digests.size, digests.sha256, digests.fsverity}},
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
    report.field("bundle", options.file + ".attest/bundle.cbor and the block tree beside it");
    report.json["bundle"] = options.file + ".attest/bundle.cbor";
  }
  return report;
}

Result<statement::Subject> subject_named(const std::string& text) {
  if (text.find(':') != std::string::npos) return statement::Subject::parse(text);
  TRY(const auto digests, model::digest_file(Path(text)));
  return statement::Subject::artefact(digests.sha256);
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

struct BundleOptions {
  ServerOptions server;
  std::string file;
};

Result<Report> fetch_bundle(const BundleOptions& options) {
  if (options.server.url.empty())
    return fail(usage_error("a bundle comes from a ledger: name it with --server URL"));
  TRY(const auto digests, model::digest_file(Path(options.file)));
  TRY_VOID(
      write_bundle(options.server, options.file, statement::Subject::artefact(digests.sha256), {}));
  Report report;
  report.line(options.file + ".attest/: bundle.cbor and tree, as of the newest checkpoint");
  report.json = {{"bundle", options.file + ".attest/bundle.cbor"}};
  return report;
}

struct VerifyOptions {
  std::string file;
  std::string bundle;
  std::string trust;
  std::string policy;
  std::string form = "tree";
};

Result<lineage::VerifiedBundle> verified_bundle(const VerifyOptions& options, Time now) {
  TRY(const TrustRoot trust, load_trust(options.trust));
  const ModelPlaces places = places_of(options.file, options.bundle);
  TRY(const Bytes bytes, read_bundle(places));
  TRY_WITHIN(places.bundle.string(), const auto bundle, lineage::decode_bundle(bytes));
  TRY_WITHIN(places.bundle.string(), auto verified, lineage::verify_bundle(bundle, trust, now));
  return verified;
}

// One node of the graph for people: "tiny-q8 (sha256:5e0c…91d2) by tiny@lab.example, statement
// 121".
std::string node_text(const lineage::Origin& origin) {
  std::string text = printable(origin.name(), 60) + " (" + shorten(origin.subject.text()) +
                     ") by " + printable(origin.issuer, 60) + ", statement " +
                     with_thousands(origin.index);
  if (origin.revoked) text += ", REVOKED: " + printable(origin.revoked->reason, 100);
  return text;
}

std::string operation_of(const lineage::Origin& origin) {
  const auto* release = origin.release();
  return release != nullptr && release->operation ? release->operation->name : "data set";
}

OrderedJson graph_json(const lineage::LineageGraph& graph) {
  OrderedJson nodes = OrderedJson::array();
  for (const auto& node : graph.nodes()) {
    OrderedJson parents = OrderedJson::array();
    for (const auto& edge : node.parents)
      parents.push_back(
          {{"role", edge.role}, {"subject", graph.nodes()[edge.parent].origin.subject.text()}});
    nodes.push_back({{"subject", node.origin.subject.text()},
                     {"name", node.origin.name()},
                     {"issuer", node.origin.issuer},
                     {"index", node.origin.index},
                     {"licence", node.origin.licence()},
                     {"operation", operation_of(node.origin)},
                     {"generation", node.generation},
                     {"revoked", node.origin.revoked.has_value()},
                     {"parents", std::move(parents)}});
  }
  return nodes;
}

// Each node is drawn once, under the first child that reaches it; a second mention points there.
void draw_tree(Report& report, const lineage::LineageGraph& graph) {
  struct Place {
    std::size_t node;
    std::size_t depth;
    std::string role;
  };
  std::vector<Place> open{{0, 0, ""}};
  std::vector<bool> drawn(graph.nodes().size());
  while (!open.empty()) {
    const Place at = open.back();
    open.pop_back();
    const auto& node = graph.nodes()[at.node];
    const std::string indent(2 + 3 * at.depth, ' ');
    const std::string edge = at.depth == 0 ? "" : "└─ " + at.role + " ";
    if (drawn[at.node]) {
      report.line(indent + edge + shorten(node.origin.subject.text()) + ", see above");
      continue;
    }
    drawn[at.node] = true;
    report.line(indent + edge + "[" + operation_of(node.origin) + "] " + node_text(node.origin));
    for (auto parent = node.parents.rbegin(); parent != node.parents.rend(); ++parent)
      open.push_back({parent->parent, at.depth + 1, parent->role});
  }
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string draw_dot(const lineage::LineageGraph& graph) {
  std::string dot = "digraph lineage {\n  rankdir=BT;\n  node [shape=box];\n";
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto& node = graph.nodes()[i];
    dot += "  n" + std::to_string(i) + " [label=\"" + escaped(node.origin.name()) + "\\n" +
           shorten(node.origin.subject.text()) +
           (node.origin.revoked ? "\\nREVOKED\", color=\"red" : "") + "\"];\n";
    for (const auto& edge : node.parents)
      dot += "  n" + std::to_string(i) + " -> n" + std::to_string(edge.parent) + " [label=\"" +
             escaped(operation_of(node.origin) + " / " + edge.role) + "\"];\n";
  }
  return dot + "}\n";
}

std::string draw_mermaid(const lineage::LineageGraph& graph) {
  std::string text = "graph BT\n";
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto& node = graph.nodes()[i];
    std::string label = printable(node.origin.name());
    std::ranges::replace(label, '"', '\'');
    text += "  n" + std::to_string(i) + "[\"" + label + (node.origin.revoked ? " (REVOKED)" : "") +
            "\"]\n";
    for (const auto& edge : node.parents)
      text += "  n" + std::to_string(i) + " -- " + edge.role + " --> n" +
              std::to_string(edge.parent) + "\n";
  }
  return text;
}

Result<Report> graph(const VerifyOptions& options, Time now) {
  TRY(const auto bundle, verified_bundle(options, now));
  Report report;
  report.json = {{"subject", bundle.subject().text()}, {"nodes", graph_json(bundle.graph())}};
  if (options.form == "dot") {
    report.raw = draw_dot(bundle.graph());
  } else if (options.form == "mermaid") {
    report.raw = draw_mermaid(bundle.graph());
  } else {
    draw_tree(report, bundle.graph());
  }
  return report;
}

Result<Report> verify(const VerifyOptions& options, const Context& context) {
  TRY(const auto bundle, verified_bundle(options, context.now));
  TRY(const auto policy, load_release_policy(options.policy));
  TRY(const auto file, present_file(options.file, context.terminal));
  const auto verdict = lineage::judge_model(bundle, file, policy, context.now);
  Report report;
  report.outcome = verdict.outcome == result::Verdict::pass      ? Outcome::pass
                   : verdict.outcome == result::Verdict::refused ? Outcome::refused
                                                                 : Outcome::incomplete;
  report.line(options.file + ": " + std::string(result::to_string(verdict.outcome)));
  report.field("release", verdict.release);
  report.field("as of", verdict.checkpoint);
  report.field("statements", std::to_string(bundle.statements()) + " signatures checked");
  report.json = {{"file", options.file},
                 {"release", verdict.release},
                 {"checkpoint", verdict.checkpoint},
                 {"nodes", graph_json(bundle.graph())},
                 {"checks", OrderedJson::array()},
                 {"not_checked", verdict.not_checked},
                 {"findings", verdict.findings}};
  for (const auto& check : verdict.checks) {
    report.json["checks"].push_back({{"name", check.name},
                                     {"outcome", result::to_string(check.outcome)},
                                     {"why", check.why},
                                     {"expected", check.expected},
                                     {"found", check.found},
                                     {"policy", check.place}});
    report.line("  " + padded(result::to_string(check.outcome), 11) + " " + check.why);
  }
  draw_tree(report, bundle.graph());
  for (const std::string& finding : verdict.findings)
    report.field("note", printable(finding, 2000));
  for (const std::string& text : verdict.not_checked) report.field("not checked", text);
  return report;
}

void add_verify_options(CLI::App* verb, VerifyOptions& options) {
  verb->add_option("FILE", options.file, "The model")->required();
  verb->add_option("--bundle", options.bundle, "Its proof bundle; FILE.attest/bundle.cbor without");
  add_trust_option(verb, options.trust);
}

void add_writing_verbs(CommandLine& command_line, CLI::App* group) {
  CLI::App* verb = command_line.verb(
      group, "add", "Release a model or data set: sign where it comes from, and enter it",
      "attestctl lineage add tiny-q8.gguf --operation quantize --parameter to=q8_0 \\\n"
      "    --parent base:tiny-f32.gguf --licence Apache-2.0 --issuer tiny@lab.example \\\n"
      "    --key publisher.key --server https://127.0.0.1:8443");
  auto added = std::make_shared<AddOptions>();
  verb->add_option("FILE", added->file, "The file")->required();
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

  verb = command_line.verb(group, "bundle", "Fetch a model's newest proof bundle",
                           "attestctl lineage bundle tiny-q8.gguf --server https://127.0.0.1:8443");
  auto fetched = std::make_shared<BundleOptions>();
  verb->add_option("FILE", fetched->file, "The model")->required();
  add_server_options(verb, fetched->server);
  command_line.runs(verb, [fetched](const Context&) { return fetch_bundle(*fetched); });
}

}  // namespace

void add_lineage_commands(CommandLine& command_line) {
  CLI::App* group = command_line.group("lineage", "Where models come from");
  add_writing_verbs(command_line, group);

  CLI::App* verb = command_line.verb(group, "verify", "Check a model's descent, offline",
                                     "attestctl lineage verify tiny-q8.gguf --trust trust.toml");
  auto verified = std::make_shared<VerifyOptions>();
  add_verify_options(verb, *verified);
  verb->add_option("--policy", verified->policy, "What a model must be (TOML)");
  command_line.runs(verb,
                    [verified](const Context& context) { return verify(*verified, context); });

  verb = command_line.verb(
      group, "graph", "Draw a model's descent",
      "attestctl lineage graph tiny-q8.gguf --trust trust.toml --as dot | dot -Tsvg");
  auto drawn = std::make_shared<VerifyOptions>();
  add_verify_options(verb, *drawn);
  verb->add_option("--as", drawn->form, "tree (the default), dot or mermaid")
      ->check(CLI::IsMember({"tree", "dot", "mermaid"}));
  command_line.runs(verb, [drawn](const Context& context) { return graph(*drawn, context.now); });
  add_lineage_claim_commands(command_line, group);
}

}  // namespace attest::cli
