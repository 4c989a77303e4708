// attestctl node: list, show: the fleet as a verifier sees it.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/text.h"
#include "libattest/result/attestation_result.h"

namespace attest::cli {

namespace {

struct NodeOptions {
  ServerOptions server;
  std::string node;
};

Result<Json> ask(const NodeOptions& options, const std::string& path) {
  if (options.server.url.empty())
    return fail(usage_error("nodes are known to a verifier: name it with --server URL"));
  TRY(const http::Client client, connect(options.server));
  TRY(const Bytes answer, client.fetch(options.server.url + path));
  TRY_WITHIN(options.server.url + path, Json json, parse_json(as_text(answer)));
  return json;
}

std::string text_or_dash(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>()) : "-";
}

// Times come as seconds since 1970 or as RFC 3339 text.
std::string time_text(const Json& value) {
  if (value.is_number_integer()) return to_minutes(from_unix(value.get<std::int64_t>()));
  return value.is_string() ? printable(value.get<std::string>()) : "-";
}

std::string state_text(const std::string& state, const Terminal& terminal) {
  const Colour colour = state == "trusted"  ? Colour::good
                        : state == "failed" ? Colour::bad
                                            : Colour::doubtful;
  return terminal.paint(colour, state);
}

Result<Report> list(const NodeOptions& options) {
  TRY(const Json answer, ask(options, "/v1/nodes"));
  TRY(JsonFields fields, JsonFields::of(answer, "the verifier's answer"));
  TRY(const Json* nodes, fields.array("nodes"));
  Report report;
  Table table({"node", "state", "since"});
  for (const Json& node : *nodes)
    table.row({text_or_dash(node, "node"), text_or_dash(node, "state"),
               node.contains("since") ? time_text(node["since"]) : "-"});
  if (nodes->empty())
    report.line("no node is enrolled at " + options.server.url);
  else
    table.print_to(report);
  report.json["nodes"] = OrderedJson::parse(nodes->dump());
  return report;
}

// The checks of the last result that did not pass, and what each found.
void describe_result(Report& report, const std::string& jwt, const Context& context) {
  const auto parsed = result::parse_result(as_bytes(jwt));
  if (!parsed) return;
  const result::Ear& ear = parsed->ear();
  for (const auto& [name, submod] : ear.submods) {
    const Colour colour = submod.status == result::Tier::affirming         ? Colour::good
                          : submod.status == result::Tier::contraindicated ? Colour::bad
                                                                           : Colour::doubtful;
    report.field(name, context.terminal.paint(colour, result::to_string(submod.status)));
    report.json["submods"][name] = result::to_string(submod.status);
  }
  for (const result::Check& check : ear.checks) {
    if (check.outcome == result::Verdict::pass) continue;
    report.field(check.name, printable(check.why, 2000));
    if (!check.expected.empty()) report.field("  expected", printable(check.expected, 2000));
    if (!check.found.empty()) report.field("  found", printable(check.found, 2000));
  }
  for (const std::string& text : ear.not_checked)
    report.field("not checked", printable(text, 2000));
}

Result<Report> show(const NodeOptions& options, const Context& context) {
  TRY(const Json node, ask(options, "/v1/nodes/" + http::url_encode(options.node)));
  Report report;
  const std::string state = text_or_dash(node, "state");
  report.line(text_or_dash(node, "node") + "   " + state_text(state, context.terminal) +
              (node.contains("since") ? " since " + time_text(node["since"]) : ""));
  report.json = OrderedJson::parse(node.dump());
  report.field("TPM", text_or_dash(node, "ek"));
  if (const auto software = node.find("software_tpm");
      software != node.end() && software->is_boolean() && software->get<bool>())
    report.field("", "a software TPM, which protects nothing");
  if (const auto jwt = node.find("ear"); jwt != node.end() && jwt->is_string())
    describe_result(report, jwt->get<std::string>(), context);
  if (const auto events = node.find("events"); events != node.end() && events->is_array())
    for (const Json& event : *events)
      report.field("event", (event.contains("time") ? time_text(event["time"]) + "  " : "") +
                                text_or_dash(event, "what"));
  report.outcome = state == "trusted"  ? Outcome::pass
                   : state == "failed" ? Outcome::refused
                                       : Outcome::incomplete;
  return report;
}

}  // namespace

void add_node_commands(CommandLine& command_line) {
  Command* group = command_line.group("node", "The nodes a verifier knows");

  auto options = std::make_shared<NodeOptions>();
  Command* verb = command_line.verb(group, "list", "List nodes and their states",
                                    "attestctl node list --server https://127.0.0.1:8443");
  add_server_options(verb, options->server);
  command_line.runs(verb, [options](const Context&) { return list(*options); });

  options = std::make_shared<NodeOptions>();
  verb = command_line.verb(group, "show", "Show a node: its state, why, and what happened to it",
                           "attestctl node show rack7-n03 --server https://127.0.0.1:8443");
  verb->add_option("NODE", options->node, "The node id")->required();
  add_server_options(verb, options->server);
  command_line.runs(verb, [options](const Context& context) { return show(*options, context); });
}

}  // namespace attest::cli
