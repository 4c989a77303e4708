// attestctl result: show, verify: what a verifier said of a node, checked without it.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"
#include "libattest/result/attestation_result.h"

namespace attest::cli {

namespace {

struct ResultOptions {
  std::string file;
  std::string trust;
  std::string at;
};

Colour colour_of(result::Tier tier) {
  switch (tier) {
    case result::Tier::affirming:
      return Colour::good;
    case result::Tier::contraindicated:
      return Colour::bad;
    case result::Tier::warning:
      return Colour::doubtful;
    case result::Tier::none:
      return Colour::plain;
  }
  return Colour::plain;
}

Outcome outcome_of_verdict(const std::optional<result::Verdict>& verdict) {
  if (!verdict || *verdict == result::Verdict::incomplete) return Outcome::incomplete;
  return *verdict == result::Verdict::pass ? Outcome::pass : Outcome::refused;
}

void describe(Report& report, const result::Ear& ear, const Context& context) {
  report.json = {
      {"node", ear.subject},
      {"issuer", ear.issuer},
      {"issued_at", to_rfc3339(ear.issued_at)},
      {"evidence", ear.id},
      {"verdict", ear.verdict ? OrderedJson(result::to_string(*ear.verdict)) : OrderedJson()}};
  report.line(printable(ear.subject) + "   " +
              (ear.verdict ? std::string(result::to_string(*ear.verdict)) : "no verdict") + ", " +
              to_minutes(ear.issued_at) + ", by " + printable(ear.issuer));
  if (ear.expires) {
    report.field("expires", to_minutes(*ear.expires));
    report.json["expires"] = to_rfc3339(*ear.expires);
  }
  for (const auto& [name, submod] : ear.submods) {
    std::string text =
        context.terminal.paint(colour_of(submod.status), result::to_string(submod.status));
    if (submod.trust_level) text += ", " + std::string(result::to_string(*submod.trust_level));
    report.field(printable(name), text);
    report.json["submods"][name] = {
        {"status", result::to_string(submod.status)},
        {"trust_level",
         submod.trust_level ? OrderedJson(result::to_string(*submod.trust_level)) : OrderedJson()},
        {"policy", submod.policy_id}};
  }
  if (ear.runtime_key) {
    report.field("runtime", "key:" + to_hex(*ear.runtime_key) +
                                (ear.executable ? ", program " + digest_uri(*ear.executable) : ""));
    report.json["runtime_key"] = to_hex(*ear.runtime_key);
    if (ear.executable) report.json["executable"] = digest_uri(*ear.executable);
  }
  report.json["checks"] = OrderedJson::array();
  std::size_t passed = 0;
  for (const result::Check& check : ear.checks) {
    report.json["checks"].push_back({{"name", check.name},
                                     {"outcome", result::to_string(check.outcome)},
                                     {"expected", check.expected},
                                     {"found", check.found},
                                     {"why", check.why}});
    if (check.outcome == result::Verdict::pass) {
      ++passed;
      continue;
    }
    report.line("  " + std::string(result::to_string(check.outcome)) + "  " +
                printable(check.name) + ": " + printable(check.why, 2000));
    if (!check.expected.empty()) report.field("expected", printable(check.expected, 2000));
    if (!check.found.empty()) report.field("found", printable(check.found, 2000));
  }
  report.field("checks",
               std::to_string(passed) + " of " + std::to_string(ear.checks.size()) + " hold");
  report.json["reference_values"] = ear.reference_values;
  report.json["not_checked"] = ear.not_checked;
  for (const std::string& text : ear.not_checked)
    report.field("not checked", printable(text, 2000));
}

Result<result::UntrustedResult> read_result(const std::string& file) {
  TRY(const Bytes content, read_file(file, 2U << 20));
  TRY_WITHIN(file, auto parsed, result::parse_result(content));
  return parsed;
}

Result<Report> show(const ResultOptions& options, const Context& context) {
  TRY(const auto parsed, read_result(options.file));
  Report report;
  describe(report, parsed.ear(), context);
  report.outcome = Outcome::incomplete;
  report.line("not checked: the signature. Check it: attestctl result verify " + options.file +
              " --trust FILE");
  return report;
}

Result<Report> verify(const ResultOptions& options, const Context& context) {
  TRY(const auto parsed, read_result(options.file));
  TRY(const TrustRoot trust, load_trust(options.trust));
  Time at = context.now;
  if (!options.at.empty()) {
    TRY_WITHIN("--at", at, parse_time(options.at));
  }
  TRY_VOID(trust.check_time(at));
  std::vector<result::ResultSigner> signers;
  for (const auto& verifier : trust.verifiers()) signers.push_back({verifier.name, verifier.key});
  TRY_WITHIN(options.file, const auto verified, result::verify_result(parsed, signers, at));
  Report report;
  describe(report, verified.ear(), context);
  report.json["digest"] = digest_uri(verified.digest());
  report.outcome = outcome_of_verdict(verified.ear().verdict);
  report.line("signed by " + printable(verified.ear().issuer) + ", a verifier of the trust root");
  return report;
}

}  // namespace

void add_result_commands(CommandLine& command_line) {
  Command* group = command_line.group("result", "Attestation results (EAR)");

  auto options = std::make_shared<ResultOptions>();
  Command* verb = command_line.verb(group, "show", "Show what a result says, unchecked",
                                    "attestctl result show rack7-n03.ear");
  verb->add_option("FILE", options->file, "The result, JWT or CWT")->required();
  command_line.runs(verb, [options](const Context& context) { return show(*options, context); });

  options = std::make_shared<ResultOptions>();
  verb = command_line.verb(group, "verify", "Check a result's signature and time, and show it",
                           "attestctl result verify rack7-n03.ear --trust trust.toml");
  verb->add_option("FILE", options->file, "The result, JWT or CWT")->required();
  verb->add_option("--at", options->at, "The time to check at; now without");
  add_trust_option(verb, options->trust);
  command_line.runs(verb, [options](const Context& context) { return verify(*options, context); });
}

}  // namespace attest::cli
