#include "cli/custody_report.h"

#include <map>

#include "libattest/base/text.h"

namespace attest::cli {

namespace {

using hardware::CustodyStep;

OrderedJson json_or_null(const std::optional<std::string>& text) {
  return text ? OrderedJson(*text) : OrderedJson(nullptr);
}

OrderedJson json_of(const CustodyStep& step) {
  OrderedJson json = {{"entry", step.index},
                      {"event", statement::to_string(step.said.event)},
                      {"by", step.party},
                      {"to", json_or_null(step.said.to)},
                      {"jurisdiction", json_or_null(step.said.jurisdiction)},
                      {"time", to_rfc3339(step.said.time)},
                      {"digest", to_hex(step.digest)}};
  if (step.said.place)
    json["place"] = {{"region", step.said.place->region}, {"site", step.said.place->site}};
  return json;
}

void show_state(const CustodyView& view, Report& report) {
  const hardware::CustodyVerdict& verdict = view.verdict;
  report.json["device"] = view.device.text();
  report.json["log"] = view.record.origin;
  report.json["size"] = view.record.size;
  report.json["owner"] = json_or_null(verdict.owner);
  report.json["holder"] = json_or_null(verdict.holder);
  report.json["pending"] = json_or_null(verdict.pending);
  report.json["decommissioned"] = verdict.decommissioned;
  report.field("owner", verdict.owner.value_or("nobody"));
  report.field("holder", verdict.holder.value_or("nobody"));
  if (verdict.pending) report.field("on its way", "to " + *verdict.pending + ", not accepted yet");
  if (verdict.decommissioned) report.field("state", "decommissioned");
  report.json["place"] = nullptr;
  if (verdict.place) {
    const hardware::PlacedAt& place = *verdict.place;
    report.json["place"] = {{"region", place.place.region},
                            {"site", place.place.site},
                            {"by", place.party},
                            {"time", to_rfc3339(place.time)},
                            {"inspector", json_or_null(place.inspector)},
                            {"trust_level", "host-reported"}};
    report.field("place", printable(place.place.region + ", " + place.place.site) + " (says " +
                              place.party + ", host-reported" +
                              (place.inspector ? "; seen by " + *place.inspector : "") + ")");
  }
  report.json["steps"] = OrderedJson::array();
  for (const CustodyStep& step : verdict.steps) report.json["steps"].push_back(json_of(step));
  report.json["without_effect"] = OrderedJson::array();
  for (const Error& each : view.record.without_effect) {
    report.field("no effect", each.to_string());
    report.json["without_effect"].push_back(to_json(each));
  }
}

void show_findings(const CustodyView& view, Report& report) {
  report.json["findings"] = OrderedJson::array();
  for (const Error& finding : view.verdict.findings) {
    report.field(to_string(outcome_of(finding.kind)),
                 finding.what + (finding.where.empty() ? "" : " (" + finding.where + ")"));
    if (!finding.expected_value.empty()) report.field("  expected", finding.expected_value);
    if (!finding.found_value.empty()) report.field("  found", finding.found_value);
    if (!finding.next_step.empty()) report.field("  next", finding.next_step);
    report.json["findings"].push_back(to_json(finding));
  }
}

void show_not_checked(Report& report) {
  const std::vector<std::string> lines = {
      "that the device is where its holder says: no statement proves a location",
      "times in statements: they are their signers' word"};
  report.json["not_checked"] = lines;
  for (const std::string& line : lines) report.field("not checked", line);
}

std::string in_words(const CustodyStep& step) {
  std::string text(statement::to_string(step.said.event));
  text += " by " + step.party;
  if (step.said.to) text += " to " + *step.said.to;
  if (step.said.place) text += " at " + step.said.place->region + ", " + step.said.place->site;
  if (step.said.jurisdiction) text += " (" + *step.said.jurisdiction + ")";
  return printable(text);
}

// DOT quotes: names are visible ASCII, places are text.
std::string dot_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string dot_of(const CustodyView& view) {
  std::string dot = "digraph custody {\n  rankdir=LR;\n  label=" + dot_text(view.device.text()) +
                    ";\n  node [shape=box];\n";
  for (const CustodyStep& step : view.verdict.steps) {
    const std::string label = dot_text(std::string(statement::to_string(step.said.event)) +
                                       ", entry " + std::to_string(step.index));
    if (step.said.to)
      dot += "  " + dot_text(step.party) + " -> " + dot_text(*step.said.to) + " [label=" + label +
             "];\n";
    else if (step.said.place)
      dot += "  " + dot_text(step.party) + " -> " +
             dot_text(step.said.place->region + ", " + step.said.place->site) + " [label=" + label +
             ", style=dashed];\n";
    else
      dot +=
          "  " + dot_text(step.party) + " -> " + dot_text(step.party) + " [label=" + label + "];\n";
  }
  return dot + "}\n";
}

}  // namespace

Report verify_report(const CustodyView& view) {
  Report report;
  const hardware::CustodyVerdict& verdict = view.verdict;
  report.outcome = verdict.pass()      ? Outcome::pass
                   : verdict.refused() ? Outcome::refused
                                       : Outcome::incomplete;
  report.line(shorten(view.device.text()) + ": " +
              (verdict.pass() ? "custody holds, " : std::string(to_string(report.outcome)) + ", ") +
              std::to_string(verdict.steps.size()) + " statements in " + view.record.origin);
  show_findings(view, report);
  show_state(view, report);
  show_not_checked(report);
  return report;
}

Report show_report(const CustodyView& view) {
  Report report;
  report.line(view.device.text());
  if (view.verdict.steps.empty()) report.outcome = Outcome::refused;
  show_state(view, report);
  show_findings(view, report);
  show_not_checked(report);
  return report;
}

Report history_report(const CustodyView& view, bool graph) {
  Report report = show_report(view);
  Report timeline;
  timeline.outcome = report.outcome;
  timeline.json = report.json;
  if (graph) {
    timeline.raw = dot_of(view);
    timeline.json["graph"] = timeline.raw;
    return timeline;
  }
  timeline.line(view.device.text() + " in " + view.record.origin);
  Table table({"entry", "time (claimed)", "what"});
  for (const CustodyStep& step : view.verdict.steps)
    table.row({std::to_string(step.index), to_minutes(step.said.time), in_words(step)});
  table.print_to(timeline);
  for (const Error& finding : view.verdict.findings)
    timeline.field(to_string(outcome_of(finding.kind)), finding.to_string());
  return timeline;
}

}  // namespace attest::cli
