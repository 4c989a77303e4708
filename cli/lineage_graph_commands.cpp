// attestctl lineage: show, verify, graph, bom: what a model's proof bundle says.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/lineage_bundle.h"
#include "cli/model_file.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"
#include "libattest/lineage/bom.h"
#include "libattest/lineage/drawing.h"

namespace attest::cli {

namespace {

struct VerifyOptions : BundleOf {
  std::string policy;
  std::string form = "tree";
  std::string region;
  std::string output;
};

// One node of the graph for people: "tiny-q8 (sha256:5e0c…91d2) by tiny@lab.example, statement
// 121".
std::string node_text(const lineage::Origin& origin) {
  std::string text = printable(origin.name(), 60) + " (" + shorten(origin.subject.text()) +
                     ") by " + printable(origin.issuer, 60) + ", statement " +
                     with_thousands(origin.index);
  if (origin.revoked) text += ", REVOKED: " + printable(origin.revoked->reason, 100);
  return text;
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
                     {"operation", lineage::operation_of(node.origin)},
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
    report.line(indent + edge + "[" + lineage::operation_of(node.origin) + "] " +
                node_text(node.origin));
    for (auto parent = node.parents.rbegin(); parent != node.parents.rend(); ++parent)
      open.push_back({parent->parent, at.depth + 1, parent->role});
  }
}

Result<Report> graph(const VerifyOptions& options, Time now) {
  TRY(const auto bundle, verified_bundle(options, now));
  Report report;
  report.json = {{"subject", bundle.subject().text()}, {"nodes", graph_json(bundle.graph())}};
  if (options.form == "dot") {
    report.raw = lineage::draw_dot(bundle.graph());
  } else if (options.form == "mermaid") {
    report.raw = lineage::draw_mermaid(bundle.graph());
  } else if (options.form == "svg") {
    report.raw = lineage::draw_svg(bundle.graph());
  } else {
    draw_tree(report, bundle.graph());
  }
  return report;
}

Result<Report> verify(const VerifyOptions& options, const Context& context) {
  TRY(const auto bundle, verified_bundle(options, context.now));
  TRY(const auto policy, load_release_policy(options.policy));
  TRY(auto file, present_file(options.file, context.terminal));
  file.region = options.region;
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

std::string in_words(const cbor::Value& value) {
  if (const auto* text = value.as_text()) return *text;
  if (const auto integer = value.as_integer()) return std::to_string(*integer);
  return "(" + std::string(value.type_name()) + ")";
}

OrderedJson parameters_json(const cbor::Map& parameters) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, value] : parameters) json[in_words(name)] = in_words(value);
  return json;
}

std::string parameters_text(const cbor::Map& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters)
    text += (text.empty() ? "" : ", ") + in_words(name) + "=" + in_words(value);
  return printable(text, 1000);
}

void show_run(Report& report, const lineage::RunRecord& record) {
  const statement::TrainingRun& run = record.run;
  report.field("training", "statement " + with_thousands(record.index) + " by " + record.issuer +
                               ", " + to_minutes(run.started) + " to " + to_minutes(run.finished));
  report.field("code",
               printable(run.code.name) + " (" + shorten(digest_uri(run.code.digest)) + ")");
  if (!run.parameters.empty()) report.field("parameters", parameters_text(run.parameters));
  OrderedJson nodes = OrderedJson::array();
  for (const lineage::TrainingNode& node : record.nodes) {
    const std::string level = node.level ? std::string(result::to_string(*node.level))
                                         : "nothing that counts: " + node.why->to_string();
    report.field("node", printable(node.node, 60) + ": " + level);
    nodes.push_back({{"node", node.node},
                     {"level", node.level ? OrderedJson(result::to_string(*node.level)) : nullptr},
                     {"why", node.why ? node.why->to_string() : ""}});
  }
  report.json["runs"].push_back(
      {{"index", record.index},
       {"issuer", record.issuer},
       {"code", {{"name", run.code.name}, {"digest", digest_uri(run.code.digest)}}},
       {"parameters", parameters_json(run.parameters)},
       {"started", to_rfc3339(run.started)},
       {"finished", to_rfc3339(run.finished)},
       {"nodes", std::move(nodes)}});
}

void show_release(Report& report, const lineage::LineageGraph& graph) {
  const auto& node = graph.artefact();
  const lineage::Origin& origin = node.origin;
  report.line(node_text(origin));
  report.field("licence", printable(origin.licence()));
  std::string jurisdictions;
  for (const std::string& each : origin.jurisdictions())
    jurisdictions += (jurisdictions.empty() ? "" : ", ") + each;
  report.field("made under", jurisdictions.empty() ? "nothing is said" : jurisdictions);
  const auto* release = origin.release();
  const bool consent = release != nullptr && release->consent_required;
  report.field("descendants", consent ? "need the consent of " + origin.issuer : "need no consent");
  if (release != nullptr && release->operation)
    report.field("made by",
                 release->operation->name + " " + parameters_text(release->operation->parameters));
  for (const auto& edge : node.parents)
    report.field(edge.role, node_text(graph.nodes()[edge.parent].origin));
  report.json = {{"subject", origin.subject.text()},
                 {"name", origin.name()},
                 {"issuer", origin.issuer},
                 {"index", origin.index},
                 {"licence", origin.licence()},
                 {"jurisdictions", origin.jurisdictions()},
                 {"consent_required", consent},
                 {"operation", lineage::operation_of(origin)},
                 {"parameters", release != nullptr && release->operation
                                    ? parameters_json(release->operation->parameters)
                                    : OrderedJson::object()},
                 {"revoked", origin.revoked.has_value()},
                 {"parents", graph_json(graph)[0]["parents"]},
                 {"runs", OrderedJson::array()},
                 {"consents", OrderedJson::array()}};
  for (const lineage::RunRecord& run : origin.runs) show_run(report, run);
  for (const lineage::ConsentRecord& given : origin.consents) {
    report.field("consent", "statement " + with_thousands(given.index) + " by " + given.issuer +
                                " to a " + given.consent.operation + " of " +
                                shorten(given.consent.parent.text()));
    report.json["consents"].push_back({{"index", given.index},
                                       {"issuer", given.issuer},
                                       {"operation", given.consent.operation},
                                       {"parent", given.consent.parent.text()}});
  }
}

Result<Report> show(const VerifyOptions& options, Time now) {
  TRY(const auto bundle, verified_bundle(options, now));
  Report report;
  show_release(report, bundle.graph());
  report.field("as of", bundle.checkpoint().origin() + ", size " +
                            with_thousands(bundle.checkpoint().size()) + ", " +
                            to_minutes(bundle.ledger_time()));
  report.json["not_checked"] = {"that the file is this artefact: attestctl lineage verify"};
  report.field("not checked", "that the file is this artefact: attestctl lineage verify");
  return report;
}

Result<Report> bom(const VerifyOptions& options, Time now) {
  TRY(const auto bundle, verified_bundle(options, now));
  const std::string text = lineage::cyclonedx_bom(bundle, ATTEST_VERSION);
  Report report;
  report.json = {{"subject", bundle.subject().text()},
                 {"components", bundle.graph().nodes().size()}};
  if (options.output.empty()) {
    report.raw = text;
    TRY(const Json parsed, parse_json(text));
    report.json["bom"] = parsed;
    return report;
  }
  TRY_VOID(write_file_atomically(options.output, as_bytes(text)));
  report.json["output"] = options.output;
  report.line(options.output + ": CycloneDX 1.6, " + with_thousands(bundle.graph().nodes().size()) +
              " components");
  return report;
}

}  // namespace

void add_bundle_options(Command* verb, BundleOf& options) {
  verb->add_option("FILE", options.file, "The model")->required();
  verb->add_option("--bundle", options.bundle, "Its proof bundle; FILE.attest/bundle.cbor without");
  add_trust_option(verb, options.trust);
}

Result<lineage::VerifiedBundle> verified_bundle(const BundleOf& options, Time now) {
  TRY(const TrustRoot trust, load_trust(options.trust));
  const ModelPlaces places = places_of(options.file, options.bundle);
  TRY(const Bytes bytes, read_bundle(places));
  TRY_WITHIN(places.bundle.string(), const auto bundle, lineage::decode_bundle(bytes));
  TRY_WITHIN(places.bundle.string(), auto verified, lineage::verify_bundle(bundle, trust, now));
  return verified;
}

void add_lineage_graph_commands(CommandLine& command_line, Command* group) {
  Command* verb = command_line.verb(group, "show", "Show what was said of one model",
                                    "attestctl lineage show tiny-q8.gguf --trust trust.toml");
  auto shown = std::make_shared<VerifyOptions>();
  add_bundle_options(verb, *shown);
  command_line.runs(verb, [shown](const Context& context) { return show(*shown, context.now); });

  verb = command_line.verb(group, "verify", "Check a model's descent, offline",
                           "attestctl lineage verify tiny-q8.gguf --trust trust.toml");
  auto verified = std::make_shared<VerifyOptions>();
  add_bundle_options(verb, *verified);
  verb->add_option("--policy", verified->policy, "What a model must be (TOML)");
  verb->add_option("--region", verified->region, "Where it is to run, as the policy calls it");
  command_line.runs(verb,
                    [verified](const Context& context) { return verify(*verified, context); });

  verb = command_line.verb(
      group, "graph", "Draw a model's descent",
      "attestctl lineage graph tiny-q8.gguf --trust trust.toml --as svg > tiny.svg");
  auto drawn = std::make_shared<VerifyOptions>();
  add_bundle_options(verb, *drawn);
  verb->add_option("--as", drawn->form, "tree (the default), dot, mermaid or svg")
      ->one_of({"tree", "dot", "mermaid", "svg"});
  command_line.runs(verb, [drawn](const Context& context) { return graph(*drawn, context.now); });

  verb =
      command_line.verb(group, "bom", "Write a model's descent as CycloneDX 1.6 ML-BOM",
                        "attestctl lineage bom tiny-q8.gguf --trust trust.toml --output bom.json");
  auto listed = std::make_shared<VerifyOptions>();
  add_bundle_options(verb, *listed);
  verb->add_option("--output", listed->output, "Where to write it; standard output without");
  command_line.runs(verb, [listed](const Context& context) { return bom(*listed, context.now); });
}

}  // namespace attest::cli
