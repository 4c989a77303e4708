// attestctl tee verify, reference: SEV-SNP reports and TDX quotes from files, with collateral from
// files.
#include <algorithm>

#include "cli/collateral_files.h"
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/statement/statement.h"
#include "libattest/tee/verdict.h"

namespace attest::cli {

namespace {

struct TeeOptions {
  std::string file;
  std::vector<std::string> collateral;
  std::vector<std::string> roots;
  std::string at;
  std::string report_data;
  bool allow_debug = false;
  bool require_crl = false;
  std::vector<std::string> accept;
  std::vector<std::string> references;
};

Result<tee::TeeRules> rules_of(const TeeOptions& options, Time now,
                               std::vector<std::string>& passed_over) {
  tee::TeeRules rules{.at = now, .roots = {}};
  if (!options.at.empty()) {
    TRY_WITHIN("--at", rules.at, parse_time(options.at));
  }
  TRY(rules.roots, certificates_at(options.roots, passed_over));
  if (!options.report_data.empty()) {
    TRY_WITHIN("--report-data", rules.report_data, from_hex(options.report_data));
    if (rules.report_data->size() > 64)
      return fail(usage_error("--report-data is longer than 64 bytes"));
  }
  rules.allow_debug = options.allow_debug;
  rules.require_crl = options.require_crl;
  for (const std::string& name : options.accept) {
    auto status = tee::parse_tcb_status(name);
    if (!status) return fail(usage_error("--accept-tcb: no such status: " + name));
    rules.accepted.insert(*status);
  }
  return rules;
}

Result<tee::Collateral> read_collateral(const TeeOptions& options,
                                        std::vector<std::string>& passed_over) {
  tee::Collateral collateral;
  for (const std::string& place : options.collateral) {
    TRY(const std::vector<Path> paths, files_at(place));
    for (const Path& path : paths) {
      TRY(const Bytes content, read_file(path, 16U << 20));
      TRY_WITHIN(path.string(), const bool taken, collateral.add(content));
      if (!taken) passed_over.push_back(path.string());
    }
  }
  return collateral;
}

// Reference values as CoRIM, or inside the signed statement that carries them; its signature is not
// looked at here.
Result<std::vector<reference::DeviceValues>> read_references(const TeeOptions& options) {
  std::vector<reference::DeviceValues> all;
  for (const std::string& file : options.references) {
    TRY(Bytes content, read_file(file, 4U << 20));
    if (const auto statement = statement::parse_statement(content))
      content = to_bytes(statement->payload());
    TRY_WITHIN(file, auto values, reference::parse_device_values(content));
    all.push_back(std::move(values));
  }
  return all;
}

OrderedJson tcb_json(const tee::TcbLevels& tcb) {
  OrderedJson json = OrderedJson::object();
  if (tcb.fmc) json["fmc"] = *tcb.fmc;
  json["boot_loader"] = tcb.boot_loader;
  json["tee"] = tcb.tee;
  json["snp"] = tcb.snp;
  json["microcode"] = tcb.microcode;
  return json;
}

void show_snp(const tee::VerifiedSnpReport& report, Report& out) {
  out.field("chip", to_hex(report->chip_id));
  out.field("product", report.certificate().product);
  out.field("measurement", to_hex(report->measurement));
  out.json["version"] = report->version;
  out.json["product"] = report.certificate().product;
  out.json["signer"] = tee::to_string(report->signer);
  out.json["chip_id"] = to_hex(report->chip_id);
  out.json["measurement"] = to_hex(report->measurement);
  out.json["report_data"] = to_hex(report->report_data);
  out.json["host_data"] = to_hex(report->host_data);
  out.json["vmpl"] = report->vmpl;
  out.json["guest_svn"] = report->guest_svn;
  out.json["policy"] = report->policy.bits;
  out.json["debug"] = report->policy.debug();
  out.json["smt"] = report->policy.smt();
  out.json["migration_agent"] = report->policy.migration_agent();
  out.json["tcb"] = tcb_json(report.tcb());
}

void show_tdx(const tee::VerifiedTdxQuote& quote, const std::optional<tee::TdxTcb>& tcb,
              Report& out) {
  const tee::TdReport& body = quote->body;
  out.field("platform", "FMSPC " + to_hex(quote.platform().fmspc) + ", PCE SVN " +
                            std::to_string(quote.platform().pce_svn));
  out.field("MRTD", to_hex(body.mrtd));
  out.json["version"] = quote->version;
  out.json["fmspc"] = to_hex(quote.platform().fmspc);
  out.json["pce_svn"] = quote.platform().pce_svn;
  out.json["platform_instance_id"] = to_hex(quote.platform().platform_instance_id);
  out.json["tee_tcb_svn"] = to_hex(body.tee_tcb_svn);
  out.json["mrtd"] = to_hex(body.mrtd);
  out.json["mrseam"] = to_hex(body.mrseam);
  out.json["rtmr"] = OrderedJson::array();
  for (const ByteView rtmr : body.rtmr) out.json["rtmr"].push_back(to_hex(rtmr));
  out.json["mrconfigid"] = to_hex(body.mrconfigid);
  out.json["mrowner"] = to_hex(body.mrowner);
  out.json["attributes"] = to_hex(body.attributes);
  out.json["xfam"] = to_hex(body.xfam);
  out.json["debug"] = body.debug();
  out.json["report_data"] = to_hex(body.report_data);
  if (!tcb) return;
  out.json["tcb"] = {{"status", tee::to_string(tcb->status)},
                     {"platform", tee::to_string(tcb->platform)},
                     {"quoting_enclave", tee::to_string(tcb->quoting_enclave)},
                     {"date", tcb->date},
                     {"evaluation", tcb->evaluation_number},
                     {"advisories", tcb->advisories}};
  if (tcb->module) out.json["tcb"]["module"] = tee::to_string(*tcb->module);
  std::string advisories;
  for (const std::string& id : tcb->advisories) advisories += (advisories.empty() ? "" : ", ") + id;
  out.field("TCB", std::string(tee::to_string(tcb->status)) + " of " + tcb->date +
                       (advisories.empty() ? "" : "; " + advisories));
}

void show_findings(const tee::TeeVerdict& verdict, Report& out) {
  std::string passed;
  for (const std::string& line : verdict.passed) passed += (passed.empty() ? "" : "\n") + line;
  if (!passed.empty()) out.field(verdict.pass() ? "checked" : "passed so far", passed);
  for (const Error& finding : verdict.findings) {
    out.field(std::string(to_string(outcome_of(finding.kind))),
              finding.what + (finding.where.empty() ? "" : " (" + finding.where + ")"));
    if (!finding.expected_value.empty()) out.field("  expected", finding.expected_value);
    if (!finding.found_value.empty()) out.field("  found", finding.found_value);
    if (!finding.next_step.empty()) out.field("  next", finding.next_step);
    out.json["findings"].push_back(to_json(finding));
    out.outcome = worse_of(out.outcome, outcome_of(finding.kind));
  }
}

Result<Report> tee_verify(const TeeOptions& options, Time now) {
  TRY(const Bytes evidence, read_file(options.file, 1U << 20));
  std::vector<std::string> passed_over;
  TRY(tee::TeeRules rules, rules_of(options, now, passed_over));
  TRY(const auto references, read_references(options));
  for (const reference::DeviceValues& each : references) rules.reference_values.push_back(&each);
  TRY(const tee::Collateral collateral, read_collateral(options, passed_over));
  TRY_WITHIN(options.file, const tee::TeeKind kind, tee::recognise(evidence));
  const tee::TeeVerdict verdict = tee::judge_tee(evidence, collateral, rules);

  Report report;
  const Outcome outcome = verdict.pass()      ? Outcome::pass
                          : verdict.refused() ? Outcome::refused
                                              : Outcome::incomplete;
  report.json["result"] = to_string(outcome);
  report.json["kind"] = tee::to_string(kind);
  report.json["trust_level"] = "hardware-signed";
  report.json["at"] = to_rfc3339(rules.at);
  report.json["passed"] = verdict.passed;
  report.json["findings"] = OrderedJson::array();
  report.line(options.file + ": " + std::string(tee::to_string(kind)) + ", " +
              (verdict.pass() ? "genuine" : std::string(to_string(outcome))));
  show_findings(verdict, report);
  if (verdict.snp) show_snp(*verdict.snp, report);
  if (verdict.tdx) show_tdx(*verdict.tdx, verdict.tdx_tcb, report);
  report.json["not_checked"] = verdict.not_checked;
  report.json["passed_over"] = passed_over;
  for (const std::string& line : verdict.not_checked) report.field("not checked", line);
  for (const std::string& path : passed_over) report.field("passed over", path + ", no collateral");
  return report;
}

struct ReferenceOptions {
  TeeOptions tee;
  SubmissionOptions submission;
  std::string platform;
  std::string description;
  std::vector<std::string> names;
};

// What a guest that is known to be good measured. Its report must be genuine: values made of
// anything else would describe a guest that nobody ran.
Result<Report> tee_reference(const ReferenceOptions& options, Time now) {
  TRY(const Bytes evidence, read_file(options.tee.file, 1U << 20));
  std::vector<std::string> passed_over;
  TRY(const tee::TeeRules rules, rules_of(options.tee, now, passed_over));
  TRY(const tee::Collateral collateral, read_collateral(options.tee, passed_over));
  const tee::TeeVerdict verdict = tee::judge_tee(evidence, collateral, rules);
  if (!verdict.pass()) return fail(Error(verdict.findings.front()).within(options.tee.file));
  const tee::Measured measured =
      verdict.snp ? tee::measured_by(*verdict.snp) : tee::measured_by(*verdict.tdx);
  reference::DeviceValues values;
  values.id = options.platform + "/" + to_hex(sha256(evidence)).substr(0, 16);
  values.name = options.platform;
  values.description = options.description;
  for (const auto& [name, value] : measured) {
    const bool wanted =
        options.names.empty() || std::ranges::find(options.names, name) != options.names.end();
    if (wanted) values.values[name] = {{value, options.description}};
  }
  TRY(const Bytes corim, reference::encode_device_values(values));
  TRY(const auto subject, statement::Subject::platform(options.platform));
  TRY(Report report,
      submit(options.submission, statement::Kind::reference_values, subject, corim, now));
  report.json["values"] = OrderedJson::object();
  for (const auto& [name, digests] : values.values) {
    report.field(name, to_hex(digests.front().digest));
    report.json["values"][name] = to_hex(digests.front().digest);
  }
  return report;
}

void add_collateral_options(Command* verb, TeeOptions& options) {
  verb->add_option("FILE", options.file, "The report or quote, as the TEE gave it")->required();
  verb->add_option("--collateral", options.collateral,
                   "A folder or file of certificates, CRLs, TCB info, QE identity; repeatable")
      ->required();
  verb->add_option("--roots", options.roots,
                   "Roots to believe beside AMD's and Intel's: a folder or file");
  verb->add_option("--at", options.at, "The time to check at; now without");
  verb->add_option("--accept-tcb", options.accept,
                   "A further TCB status to accept, such as OutOfDate; repeatable");
}

}  // namespace

void add_tee_commands(CommandLine& command_line) {
  Command* group = command_line.group("tee", "Trusted execution environments: SEV-SNP and TDX");
  Command* verb = command_line.verb(
      group, "verify", "Check an SNP report or a TDX quote, offline",
      "attestctl tee verify report.bin --collateral collateral/ --report-data 5f…");
  auto options = std::make_shared<TeeOptions>();
  add_collateral_options(verb, *options);
  verb->add_option("--report-data", options->report_data,
                   "What the report must be bound to, in hexadecimal");
  verb->add_option("--reference", options->references,
                   "What a good guest measures: CoRIM, or the statement that carries it; several "
                   "times");
  verb->add_flag("--allow-debug", options->allow_debug, "Accept a guest that may be debugged");
  verb->add_flag("--require-crl", options->require_crl, "Without CRLs the result is incomplete");
  command_line.runs(
      verb, [options](const Context& context) { return tee_verify(*options, context.now); });

  verb = command_line.verb(
      group, "reference", "Turn a good guest's report into reference values",
      "attestctl tee reference report.bin --collateral collateral/ --platform r7 \\\n"
      "    --description \"guest image 12\" --issuer owner@dc1.example --key owner.key \\\n"
      "    --server https://127.0.0.1:8443");
  auto reference = std::make_shared<ReferenceOptions>();
  add_collateral_options(verb, reference->tee);
  verb->add_option("--platform", reference->platform, "The class of machines these values are for")
      ->required();
  verb->add_option("--description", reference->description, "What people know this guest by")
      ->required();
  verb->add_option("--measurement", reference->names,
                   "Which of them, such as tdx/mrtd; all without; several times");
  add_submission_options(verb, reference->submission);
  command_line.runs(
      verb, [reference](const Context& context) { return tee_reference(*reference, context.now); });
}

}  // namespace attest::cli
