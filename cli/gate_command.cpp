// attestctl gate: refuses models that are unverified, and says exactly why. No network.
#include "cli/command_line.h"
#include "cli/gate_models.h"
#include "cli/groups.h"
#include "cli/model_file.h"
#include "cli/passphrase.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"

namespace attest::cli {

namespace {

struct GateOptions {
  std::string trust;
  std::string policy;
  std::string region;
  std::string sarif;
  std::string junit;
  std::string vsa;
  std::string key;
  std::string passphrase_file;
  std::string verifier;
  std::string cache;
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

void explain(Report& report, const lineage::GatedModel& model) {
  const auto& [path, verdict, subject, bundle, more, took_ms] = model;
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
  report.line("  See more:   " + more);
}

OrderedJson to_json(const lineage::GatedModel& model) {
  const lineage::ModelVerdict& verdict = model.verdict;
  OrderedJson json = {{"path", model.path},
                      {"outcome", result::to_string(verdict.outcome)},
                      {"subject", model.subject},
                      {"release", verdict.release},
                      {"checkpoint", verdict.checkpoint},
                      {"checks", OrderedJson::array()},
                      {"not_checked", verdict.not_checked},
                      {"findings", verdict.findings},
                      {"more", model.more},
                      {"took_ms", model.took_ms}};
  for (const lineage::ModelCheck& check : verdict.checks)
    json["checks"].push_back({{"name", check.name},
                              {"outcome", result::to_string(check.outcome)},
                              {"expected", check.expected},
                              {"found", check.found},
                              {"why", check.why},
                              {"policy", check.place}});
  return json;
}

// Summaries of all models that could be read, an envelope a line.
Status write_vsa(const GateOptions& options, const lineage::ReleasePolicy& policy,
                 const std::vector<lineage::GatedModel>& models, Report& report, Time now) {
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, open_signing_key(options.key, passphrase));
  const lineage::VsaContext summary{
      options.verifier.empty() ? "urn:attest:key:" + to_hex(key->public_key().thumbprint())
                               : options.verifier,
      options.policy.empty() ? "urn:attest:policy:none" : options.policy, policy.digest, now};
  std::string lines;
  std::size_t unsaid = 0;
  for (const lineage::GatedModel& model : models) {
    const auto envelope = lineage::sign_vsa(model, summary, *key);
    if (envelope) lines += *envelope + "\n";
    if (!envelope) ++unsaid;
    if (!envelope && envelope.error().rule != rules::vsa_no_subject) return fail(envelope.error());
  }
  report.json["vsa"] = options.vsa;
  if (unsaid > 0)
    report.line(std::to_string(unsaid) + " models could not be read and have no summary");
  return write_file_atomically(options.vsa, as_bytes(lines));
}

Status write_outputs(const GateOptions& options, const lineage::ReleasePolicy& policy,
                     const std::vector<lineage::GatedModel>& models, Report& report, Time now) {
  if (!options.sarif.empty())
    TRY_VOID(write_file_atomically(
        options.sarif, as_bytes(lineage::sarif(models, options.policy, ATTEST_VERSION))));
  if (!options.junit.empty())
    TRY_VOID(write_file_atomically(options.junit, as_bytes(lineage::junit(models))));
  if (!options.vsa.empty()) TRY_VOID(write_vsa(options, policy, models, report, now));
  return {};
}

Result<Report> gate(const GateOptions& options, const Context& context) {
  if (!options.vsa.empty() && options.key.empty())
    return fail(usage_error("a summary is signed: name the key with --key FILE"));
  TRY(const TrustRoot trust, load_trust(options.trust));
  TRY(const lineage::ReleasePolicy policy, load_release_policy(options.policy));
  TRY(const FoundModels found, models_in(options.paths, policy));
  CacheFile cache(options.cache);
  GateDigests digests(cache.cache());
  const GateRules asked{trust,          policy,
                        options.region, options.trust.empty() ? "" : " --trust " + options.trust,
                        context.now,    digests};
  const std::vector<lineage::GatedModel> models = judge_all(found, asked);
  TRY_VOID(cache.save());
  Report report;
  report.json = {{"policy", digest_uri(policy.digest)},
                 {"trust", digest_uri(trust.digest())},
                 {"models", OrderedJson::array()},
                 {"left_out", found.left_out},
                 {"bytes_read", digests.bytes_read()}};
  std::size_t failed = 0;
  for (const lineage::GatedModel& model : models) {
    const result::Verdict outcome = model.verdict.outcome;
    report.line("  " + headline(outcome, context.terminal) + "  " + padded(model.path, 40) + "  " +
                std::to_string(model.verdict.checks.size()) + " checks  " +
                std::to_string(model.took_ms) + " ms");
    report.json["models"].push_back(to_json(model));
    report.outcome = worse_of(report.outcome, outcome_of(outcome));
    failed += outcome == result::Verdict::pass ? 0 : 1;
  }
  for (const lineage::GatedModel& model : models)
    if (model.verdict.outcome != result::Verdict::pass) explain(report, model);
  if (!found.left_out.empty())
    report.line(std::to_string(found.left_out.size()) + " files are no models, by " +
                policy.not_models->place);
  if (failed > 0)
    report.line(std::to_string(failed) + " of " + std::to_string(models.size()) +
                " models did not pass");
  TRY_VOID(write_outputs(options, policy, models, report, context.now));
  return report;
}

}  // namespace

void add_gate_command(CommandLine& command_line) {
  Command* verb =
      command_line.top_verb("gate", "Refuse models that are unverified, and say why",
                            "attestctl gate --trust trust.toml --policy release.toml models/");
  auto options = std::make_shared<GateOptions>();
  add_trust_option(verb, options->trust);
  verb->add_option("--policy", options->policy,
                   "What a model must be (TOML); revocations always count");
  verb->add_option("--region", options->region, "Where it is to run, as the policy calls it");
  verb->add_option("--sarif", options->sarif, "Write what did not hold to this file, SARIF 2.1.0");
  verb->add_option("--junit", options->junit, "Write every check to this file, JUnit XML");
  verb->add_option("--vsa", options->vsa,
                   "Write a signed SLSA verification summary of each model to this file");
  verb->add_option("--key", options->key, "The key that signs it: a file or a pkcs11: URI");
  verb->add_option("--passphrase-file", options->passphrase_file,
                   "Holds the key's passphrase in its first line");
  verb->add_option("--verifier", options->verifier,
                   "The URI the summary names as its verifier; the key's digest without");
  verb->add_option("--cache", options->cache,
                   "Keep digests of unchanged files here, so that they are not read again");
  verb->add_option("PATH", options->paths, "Model files, or directories of them")->required();
  command_line.runs(verb, [options](const Context& context) { return gate(*options, context); });
}

}  // namespace attest::cli
