// attestctl lineage: what is claimed of a descent and signed by nobody: check, import.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/lineage/gguf_claims.h"
#include "libattest/lineage/model_card.h"
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

OrderedJson claims_json(const lineage::DescentClaims& claims) {
  OrderedJson parents = OrderedJson::array();
  for (const lineage::ClaimedParent& parent : claims.parents)
    parents.push_back({{"role", parent.role},
                       {"name", parent.name},
                       {"organization", parent.organization},
                       {"version", parent.version},
                       {"url", parent.url}});
  return {{"source", claims.source},
          {"relation", claims.relation},
          {"licence", claims.licence},
          {"quantized_by", claims.quantized_by},
          {"parents", std::move(parents)}};
}

Result<lineage::DescentClaims> claims_in(const std::string& file) {
  TRY(const auto opened, system_files().open(file, OpenMode::read));
  std::array<std::byte, 4> magic{};
  TRY(const std::size_t got, opened->read_at(0, magic));
  if (got == magic.size() && as_text(magic) == "GGUF") {
    TRY_WITHIN(file, const auto gguf, model::read_gguf(*opened));
    return lineage::claims_of(gguf);
  }
  TRY(const std::string text, read_text_file(file, 1U << 20));
  TRY_WITHIN(file, const auto card, lineage::parse_model_card(text));
  return lineage::claims_of(card);
}

Result<Report> import(const std::string& file) {
  TRY(const lineage::DescentClaims claims, claims_in(file));
  Report report;
  report.json = claims_json(claims);
  report.json["file"] = file;
  report.json["verified"] = false;
  report.json["not_checked"] = {"all of it: names are no digests, and nobody signed them"};
  report.line(file + ": " + claims.source + ", claims " + std::to_string(claims.parents.size()) +
              " parents; nothing of it is verified");
  for (const lineage::ClaimedParent& parent : claims.parents)
    report.field(parent.role,
                 printable(parent.name) +
                     (parent.organization.empty() ? "" : " by " + printable(parent.organization)) +
                     (parent.url.empty() ? "" : ", " + printable(parent.url)));
  if (!claims.relation.empty()) report.field("made by", printable(claims.relation));
  if (!claims.licence.empty()) report.field("licence", printable(claims.licence));
  if (!claims.quantized_by.empty()) report.field("quantized by", printable(claims.quantized_by));
  report.field("not checked", "all of it: names are no digests, and nobody signed them");
  report.line("Make it count, with the parents' files: attestctl lineage add --help");
  return report;
}

}  // namespace

void add_lineage_claim_commands(CommandLine& command_line, Command* group) {
  Command* verb =
      command_line.verb(group, "check", "Hold unsigned SLSA provenance together: is it a descent?",
                        "attestctl lineage check provenance.jsonl");
  auto file = std::make_shared<std::string>();
  verb->add_option("FILE", *file, "in-toto statements with SLSA provenance v1, one a line")
      ->required();
  command_line.runs(verb, [file](const Context&) { return check(*file); });

  verb = command_line.verb(group, "import", "Read what a file claims of its descent: unverified",
                           "attestctl lineage import README.md");
  auto source = std::make_shared<std::string>();
  verb->add_option("FILE", *source, "A model card (Markdown with YAML in front), or a GGUF file")
      ->required();
  command_line.runs(verb, [source](const Context&) { return import(*source); });
}

}  // namespace attest::cli
