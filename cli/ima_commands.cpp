// attestctl ima show, verify: IMA measurement lists from files.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/statement/dsse.h"
#include "libattest/tpm/ima_verification.h"

namespace attest::cli {

namespace {

constexpr const char* unvouched = "nothing vouches for this list: no PCR 10 was given";

struct ImaOptions {
  std::string file;
  std::string policy;
  std::string policy_key;
  std::vector<std::string> keys;
  std::string pcr;
  bool allow_violations = false;
  bool allow_version_one = false;
};

Result<tpm::UntrustedImaLog> read_list(const std::string& file) {
  TRY(const Bytes content, read_file(file, 256U << 20));
  TRY_WITHIN(file, auto log, tpm::parse_ima_log(content));
  return log;
}

void show_pcrs(const tpm::UntrustedImaLog& log, Report& report) {
  report.line("PCR 10 as this list would have it:");
  for (const tpm::PcrBank bank :
       {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512}) {
    const std::string value = to_hex(tpm::ima_replay(log, bank));
    report.json["pcrs"][std::string(hash_name(bank))]["10"] = value;
    if (bank <= HashAlgorithm::sha256) report.field(std::string(hash_name(bank)), value);
  }
}

OrderedJson to_json(const tpm::ImaEntry& entry) {
  OrderedJson json = {
      {"number", entry.number},
      {"pcr", entry.pcr},
      {"template", tpm::ima_template_name(entry.form)},
      {"template_hash", to_hex(entry.template_hash)},
      {"digest", std::string(entry.file.verity ? "verity:" : "") +
                     std::string(entry.file.algorithm) + ":" + to_hex(entry.file.value)},
      {"path", printable(entry.path, 4096)},
      {"violation", entry.violation()}};
  if (!entry.signature.empty()) json["signature"] = to_hex(entry.signature);
  if (!entry.buffer.empty()) json["buffer"] = to_hex(entry.buffer);
  if (!entry.modsig.empty()) json["modsig"] = to_hex(entry.modsig);
  return json;
}

Result<Report> ima_show(const ImaOptions& options) {
  TRY(const tpm::UntrustedImaLog log, read_list(options.file));
  Report report;
  report.json["hash"] = hash_name(log.listed_hash());
  report.json["entries"] = OrderedJson::array();
  std::size_t violations = 0;
  Table table({"entry", "template", "what"});
  for (const tpm::ImaEntry& entry : log.entries()) {
    violations += entry.violation() ? 1 : 0;
    table.row({std::to_string(entry.number), std::string(tpm::ima_template_name(entry.form)),
               (entry.violation() ? "VIOLATION " : "") + printable(entry.path)});
    report.json["entries"].push_back(to_json(entry));
  }
  report.line(options.file + ": " + with_thousands(log.entries().size()) + " entries, " +
              std::to_string(violations) + " violations");
  table.print_to(report);
  report.json["violations"] = violations;
  show_pcrs(log, report);
  report.json["not_checked"] = {unvouched};
  report.field("not checked", unvouched);
  return report;
}

// A policy as it is, or in a DSSE envelope. `signed_by` tells the key that signed it, or stays
// empty.
Result<tpm::ImaAllowList> read_policy(const ImaOptions& options, std::string& signed_by,
                                      std::vector<std::string>& not_checked) {
  TRY(std::string text, read_text_file(options.policy, 256U << 20));
  std::optional<statement::UntrustedEnvelope> envelope;
  if (auto parsed = statement::parse_dsse(text)) envelope = *std::move(parsed);
  if (!options.policy_key.empty()) {
    if (!envelope)
      return fail(refused(rules::ima_policy_form, "the policy is not signed, though a key is given")
                      .expected("a DSSE envelope")
                      .within(options.policy));
    TRY(const Bytes pem, read_file(options.policy_key, 1U << 16));
    TRY_WITHIN(options.policy_key, const PublicKey key, PublicKey::from_der_or_pem(pem));
    const std::vector keys{key};
    TRY_WITHIN(options.policy, const auto verified, statement::verify_dsse(*envelope, keys));
    signed_by = "key:" + to_hex(key.thumbprint());
    text = std::string(as_text(verified.payload()));
  } else {
    not_checked.emplace_back(envelope ? "who signed the policy: no --policy-key was given"
                                      : "who made the policy: it is not signed");
    if (envelope) text = std::string(as_text(envelope->payload));
  }
  TRY_WITHIN(options.policy, auto list, tpm::ImaAllowList::parse(text));
  return list;
}

Result<std::vector<tpm::ImaKey>> read_keys(const std::vector<std::string>& files) {
  std::vector<tpm::ImaKey> keys;
  for (const std::string& file : files) {
    TRY(const Bytes content, read_file(file, 1U << 16));
    TRY_WITHIN(file, PublicKey key, PublicKey::from_der_or_pem(content));
    keys.push_back(tpm::ImaKey::of(std::move(key)));
  }
  return keys;
}

// The given PCR 10 must be what the list leads to in the bank of its size.
Status compare_pcr(const ImaOptions& options, const tpm::UntrustedImaLog& log, Report& report) {
  TRY_WITHIN("--pcr", const Bytes pcr, from_hex(options.pcr));
  for (const tpm::PcrBank bank :
       {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512}) {
    if (digest_size(bank) != pcr.size()) continue;
    const Bytes value = tpm::ima_replay(log, bank);
    if (value == pcr || tpm::ima_replay(log, bank, true) == pcr) {
      report.field("PCR 10", "is what the list leads to");
      return {};
    }
    return fail(refused(rules::ima_pcr_differs, "PCR 10 is not what the list leads to")
                    .expected(to_hex(value))
                    .found(options.pcr));
  }
  return fail(
      usage_error("--pcr is no PCR's value: it has " + std::to_string(pcr.size()) + " bytes"));
}

void show_inspection(const tpm::ImaInspection& inspection, Report& report) {
  report.field("entries", with_thousands(inspection.entries) + ": " +
                              std::to_string(inspection.allowed) + " allowed, " +
                              std::to_string(inspection.signed_by_key) + " signed, " +
                              std::to_string(inspection.excluded) + " excluded, " +
                              std::to_string(inspection.not_judged) + " not judged");
  report.json["entries"] = inspection.entries;
  report.json["violations"] = inspection.violations.in_all();
  report.json["violations_by_open_writers"] = inspection.violations.open_writers;
  report.json["violations_tomtou"] = inspection.violations.tomtou;
  if (inspection.violations.in_all() > 0) report.field("violations", inspection.violations.words());
  report.json["allowed"] = inspection.allowed;
  report.json["excluded"] = inspection.excluded;
  report.json["signed"] = inspection.signed_by_key;
  report.json["not_judged"] = inspection.not_judged;
  report.json["problems_in_all"] = inspection.problems_in_all;
  report.json["problems"] = OrderedJson::array();
  for (const tpm::ImaProblem& problem : inspection.problems) {
    report.field("entry " + std::to_string(problem.number),
                 printable(problem.path) + ": " + problem.words);
    if (!problem.expected.empty()) report.field("  expected", problem.expected);
    if (!problem.found.empty()) report.field("  found", problem.found);
    report.json["problems"].push_back({{"entry", problem.number},
                                       {"path", printable(problem.path, 4096)},
                                       {"rule", problem.rule.name},
                                       {"words", problem.words},
                                       {"expected", problem.expected},
                                       {"found", problem.found}});
  }
}

Result<Report> ima_verify(const ImaOptions& options) {
  TRY(const tpm::UntrustedImaLog log, read_list(options.file));
  TRY(const std::vector<tpm::ImaKey> keys, read_keys(options.keys));
  std::vector<std::string> not_checked;
  std::string signed_by;
  std::optional<tpm::ImaAllowList> policy;
  if (!options.policy.empty()) {
    TRY(policy, read_policy(options, signed_by, not_checked));
  } else {
    not_checked.emplace_back("whether these files are allowed: no policy was given");
  }
  if (options.pcr.empty()) not_checked.emplace_back(unvouched);
  const tpm::ImaInspection inspection =
      tpm::inspect_ima_entries(log.entries(), {.allow_list = policy ? &*policy : nullptr,
                                               .keys = keys,
                                               .allow_violations = options.allow_violations,
                                               .signatures = {options.allow_version_one}});
  Report report;
  const bool good = inspection.problems_in_all == 0;
  report.outcome = good ? Outcome::pass : Outcome::refused;
  report.line(options.file + (good ? " holds"
                                   : " is refused: " + with_thousands(inspection.problems_in_all) +
                                         " entries are not as they must be"));
  show_inspection(inspection, report);
  if (!options.pcr.empty()) TRY_VOID(compare_pcr(options, log, report));
  show_pcrs(log, report);
  if (!signed_by.empty()) report.field("policy", "signed by " + signed_by);
  report.json["policy_signed_by"] = signed_by;
  report.json["not_checked"] = not_checked;
  for (const std::string& line : not_checked) report.field("not checked", line);
  return report;
}

}  // namespace

void add_ima_commands(CommandLine& command_line) {
  Command* group = command_line.group("ima", "IMA measurement lists");
  Command* verb =
      command_line.verb(group, "show", "Show an IMA list",
                        "attestctl ima show /sys/kernel/security/ima/ascii_runtime_measurements");
  auto shown = std::make_shared<ImaOptions>();
  verb->add_option("FILE", shown->file, "The list, ascii or binary")->required();
  command_line.runs(verb, [shown](const Context&) { return ima_show(*shown); });

  verb = command_line.verb(group, "verify", "Check an IMA list against a policy and keys",
                           "attestctl ima verify ima.list --policy policy.json --key ima.pem");
  auto checked = std::make_shared<ImaOptions>();
  verb->add_option("FILE", checked->file, "The list, ascii or binary")->required();
  verb->add_option("--policy", checked->policy,
                   "Which files are allowed: a Keylime runtime policy, plain or in DSSE");
  verb->add_option("--policy-key", checked->policy_key, "The key that must have signed the policy");
  verb->add_option("--key", checked->keys, "A key that may sign files, PEM or DER; several times");
  verb->add_option("--pcr", checked->pcr, "PCR 10 in hexadecimal, of a quote that was verified");
  verb->add_flag("--allow-v1-signatures", checked->allow_version_one,
                 "Count signatures of version 1, which rest on SHA-1");
  verb->add_flag("--allow-violations", checked->allow_violations,
                 "Count violations, and refuse nothing for them");
  command_line.runs(verb, [checked](const Context&) { return ima_verify(*checked); });
}

}  // namespace attest::cli
