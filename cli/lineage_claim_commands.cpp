// attestctl lineage: what is claimed of a descent and signed by nobody: check.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/lineage/provenance_graph.h"

namespace attest::cli {

namespace {

constexpr std::uint64_t max_claims_size = 1U << 30;
constexpr std::size_t most_problems_shown = 20;

OrderedJson problem_json(const lineage::ProvenanceProblem& problem) {
  const Error& why = problem.why;
  return {{"line", problem.line},           {"field", why.where},
          {"rule", why.rule.name},          {"what", why.what},
          {"expected", why.expected_value}, {"found", why.found_value}};
}

void tell(Report& report, const lineage::ProvenanceProblem& problem) {
  const Error& why = problem.why;
  report.field("line " + std::to_string(problem.line),
               why.where.empty() ? why.what : why.where + ": " + why.what);
  if (!why.expected_value.empty()) report.field("expected", why.expected_value);
  if (!why.found_value.empty()) report.field("found", why.found_value);
  if (!why.next_step.empty()) report.field("next", why.next_step);
}

Result<Report> check(const std::string& file) {
  TRY(const std::string text, read_text_file(file, max_claims_size));
  const lineage::ProvenanceReport found = lineage::check_provenance(text);
  Report report;
  report.outcome = found.problems.empty() ? Outcome::pass : Outcome::refused;
  report.line(file + ": " + std::string(to_string(report.outcome)));
  report.field("statements", with_thousands(found.statements) +
                                 (found.repeated == 0 ? ""
                                                      : ", " + with_thousands(found.repeated) +
                                                            " of which repeat another"));
  std::vector<std::string> not_checked = {"who says so: these statements carry no signature"};
  if (found.graph_checked) {
    report.field("artefacts", with_thousands(found.artefacts) + ", " + with_thousands(found.roots) +
                                  " without parents");
    if (found.generations > 0)
      report.field("deepest", with_thousands(found.generations) + " generations");
    report.field("widest", with_thousands(found.most_parents) + " parents");
  } else {
    not_checked.push_back("the graph: not every line could be read");
  }
  report.json = {{"file", file},
                 {"statements", found.statements},
                 {"repeated", found.repeated},
                 {"artefacts", found.artefacts},
                 {"roots", found.roots},
                 {"generations", found.generations},
                 {"most_parents", found.most_parents},
                 {"problems", OrderedJson::array()},
                 {"not_checked", not_checked}};
  for (std::size_t i = 0; i < found.problems.size(); ++i) {
    report.json["problems"].push_back(problem_json(found.problems[i]));
    if (i < most_problems_shown) tell(report, found.problems[i]);
  }
  if (found.problems.size() > most_problems_shown)
    report.line("  " + with_thousands(found.problems.size() - most_problems_shown) +
                " more problems; --json lists them all");
  for (const std::string& text_of : not_checked) report.field("not checked", text_of);
  return report;
}

}  // namespace

void add_lineage_claim_commands(CommandLine& command_line, CLI::App* group) {
  CLI::App* verb =
      command_line.verb(group, "check", "Hold unsigned SLSA provenance together: is it a descent?",
                        "attestctl lineage check provenance.jsonl");
  auto file = std::make_shared<std::string>();
  verb->add_option("FILE", *file, "in-toto statements with SLSA provenance v1, one a line")
      ->required();
  command_line.runs(verb, [file](const Context&) { return check(*file); });
}

}  // namespace attest::cli
