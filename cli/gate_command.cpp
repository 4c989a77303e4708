// attestctl gate: refuses models that are unverified, and says exactly why. No network.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_file.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"

namespace attest::cli {

namespace {

struct GateOptions {
  std::string trust;
  std::string policy;
  std::vector<std::string> paths;
};

Outcome outcome_of(result::Verdict verdict) {
  switch (verdict) {
    case result::Verdict::pass:
      return Outcome::pass;
    case result::Verdict::refused:
      return Outcome::refused;
    case result::Verdict::incomplete:
      return Outcome::incomplete;
  }
  return Outcome::incomplete;
}

// An error on the way to a verdict, as a verdict: one form for everything a gate says.
lineage::ModelVerdict verdict_of(const Error& error) {
  lineage::ModelVerdict verdict;
  verdict.outcome =
      error.kind == ErrorKind::refused ? result::Verdict::refused : result::Verdict::incomplete;
  lineage::ModelCheck check;
  check.name = std::string(error.rule.name);
  check.outcome = verdict.outcome;
  check.expected = error.expected_value;
  check.found = error.found_value;
  check.why = (error.where.empty() ? "" : error.where + ": ") + error.what;
  if (!error.next_step.empty()) check.why += "; " + error.next_step;
  verdict.checks.push_back(std::move(check));
  verdict.not_checked.push_back("everything after this");
  return verdict;
}

lineage::ModelVerdict judge(const Path& path, const TrustRoot& trust,
                            const lineage::ReleasePolicy& policy, const Context& context) {
  const auto file = present_file(path, context.terminal);
  context.terminal.end_progress();
  if (!file) return verdict_of(file.error());
  const auto bundle = read_bundle(places_of(path));
  if (!bundle) return verdict_of(bundle.error());
  return lineage::judge_bundle(*bundle, trust, *file, policy, context.now);
}

// Models below a directory: every file that is no part of an .attest folder. A symbolic link could
// be pointed elsewhere after the check, so it is never followed.
Result<std::vector<Path>> models_in(const std::vector<std::string>& named) {
  std::vector<Path> models;
  for (const std::string& name : named) {
    std::error_code error;
    const auto status = std::filesystem::symlink_status(name, error);
    if (!std::filesystem::is_directory(status)) {
      models.emplace_back(name);
      continue;
    }
    std::filesystem::recursive_directory_iterator entry(name, error);
    for (const std::filesystem::recursive_directory_iterator end; !error && entry != end;
         entry.increment(error)) {
      if (entry->is_symlink())
        return fail(refused(rules::model_format, "a symbolic link stands among the models")
                        .within(entry->path().string())
                        .next("put the file itself there"));
      if (entry->is_directory() && entry->path().extension() == ".attest")
        entry.disable_recursion_pending();
      else if (entry->is_regular_file())
        models.push_back(entry->path());
    }
    if (error) {
      Error unreadable = incomplete(rules::file_unreadable, "cannot be read: " + error.message());
      return fail(std::move(unreadable).within(name));
    }
  }
  std::ranges::sort(models);
  if (models.empty())
    return fail(usage_error("no model was named, and none lies in the directories named"));
  return models;
}

std::string headline(result::Verdict verdict, const Terminal& terminal) {
  switch (verdict) {
    case result::Verdict::pass:
      return terminal.paint(Colour::good, "PASS      ");
    case result::Verdict::refused:
      return terminal.paint(Colour::bad, "REFUSED   ");
    case result::Verdict::incomplete:
      return terminal.paint(Colour::doubtful, "INCOMPLETE");
  }
  return "INCOMPLETE";
}

void explain(Report& report, const std::string& path, const lineage::ModelVerdict& verdict) {
  report.line("");
  report.line(path + " is " + std::string(result::to_string(verdict.outcome)));
  std::size_t holding = 0;
  for (const lineage::ModelCheck& check : verdict.checks) {
    if (check.outcome == result::Verdict::pass) {
      ++holding;
      continue;
    }
    const std::size_t dot = check.name.rfind('.');
    report.field(check.name.substr(dot == std::string::npos ? 0 : dot + 1),
                 printable(check.why, 2000));
    if (!check.expected.empty()) report.field("expected", printable(check.expected, 2000));
    if (!check.found.empty()) report.field("found", printable(check.found, 2000));
    if (!check.place.empty()) report.field("policy", check.place);
  }
  for (const std::string& finding : verdict.findings)
    report.field("note", printable(finding, 2000));
  std::string not_checked;
  for (const std::string& text : verdict.not_checked)
    not_checked += (not_checked.empty() ? "" : "; ") + text;
  report.field("not checked", (not_checked.empty() ? "nothing" : not_checked) + "; " +
                                  std::to_string(holding) + " other rules hold");
  report.line("  See the graph:   attestctl lineage graph " + path);
}

OrderedJson to_json(const std::string& path, const lineage::ModelVerdict& verdict) {
  OrderedJson json = {{"path", path},
                      {"outcome", result::to_string(verdict.outcome)},
                      {"release", verdict.release},
                      {"checkpoint", verdict.checkpoint},
                      {"checks", OrderedJson::array()},
                      {"not_checked", verdict.not_checked},
                      {"findings", verdict.findings}};
  for (const lineage::ModelCheck& check : verdict.checks)
    json["checks"].push_back({{"name", check.name},
                              {"outcome", result::to_string(check.outcome)},
                              {"expected", check.expected},
                              {"found", check.found},
                              {"why", check.why},
                              {"policy", check.place}});
  return json;
}

Result<Report> gate(const GateOptions& options, const Context& context) {
  TRY(const TrustRoot trust, load_trust(options.trust));
  TRY(const lineage::ReleasePolicy policy, load_release_policy(options.policy));
  TRY(const auto models, models_in(options.paths));
  Report report;
  report.json = {{"policy", digest_uri(policy.digest)},
                 {"trust", digest_uri(trust.digest())},
                 {"models", OrderedJson::array()}};
  std::vector<std::pair<std::string, lineage::ModelVerdict>> failed;
  for (const Path& path : models) {
    const auto start = std::chrono::steady_clock::now();
    lineage::ModelVerdict verdict = judge(path, trust, policy, context);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    report.line("  " + headline(verdict.outcome, context.terminal) + "  " +
                padded(path.string(), 40) + "  " + std::to_string(verdict.checks.size()) +
                " checks  " + std::to_string(took.count()) + " ms");
    report.json["models"].push_back(to_json(path.string(), verdict));
    report.outcome = worse_of(report.outcome, outcome_of(verdict.outcome));
    if (verdict.outcome != result::Verdict::pass)
      failed.emplace_back(path.string(), std::move(verdict));
  }
  for (const auto& [path, verdict] : failed) explain(report, path, verdict);
  if (!failed.empty())
    report.line(std::to_string(failed.size()) + " of " + std::to_string(models.size()) +
                " models did not pass");
  return report;
}

}  // namespace

void add_gate_command(CommandLine& command_line) {
  CLI::App* verb =
      command_line.top_verb("gate", "Refuse models that are unverified, and say why",
                            "attestctl gate --trust trust.toml --policy release.toml models/");
  auto options = std::make_shared<GateOptions>();
  add_trust_option(verb, options->trust);
  verb->add_option("--policy", options->policy,
                   "What a model must be (TOML); revocations always count");
  verb->add_option("PATH", options->paths, "Model files, or directories of them")->required();
  command_line.runs(verb, [options](const Context& context) { return gate(*options, context); });
}

}  // namespace attest::cli
