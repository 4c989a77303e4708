// attestctl tee verify: SEV-SNP reports and TDX quotes from files, with collateral from files.
#include "cli/collateral_files.h"
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
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
  TRY(const tee::TeeRules rules, rules_of(options, now, passed_over));
  TRY(const tee::Collateral collateral, read_collateral(options, passed_over));
  TRY_WITHIN(options.file, const tee::TeeKind kind, tee::recognise(evidence));
  const tee::TeeVerdict verdict = tee::judge_tee(evidence, collateral, rules);

  Report report;
  report.json["kind"] = tee::to_string(kind);
  report.json["trust_level"] = "hardware-signed";
  report.json["at"] = to_rfc3339(rules.at);
  report.json["passed"] = verdict.passed;
  report.json["findings"] = OrderedJson::array();
  const bool refused = verdict.refused();
  report.line(options.file + ": " + std::string(tee::to_string(kind)) + ", " +
              (verdict.pass() ? "genuine"
               : refused      ? "refused"
                              : "incomplete"));
  show_findings(verdict, report);
  if (verdict.snp) show_snp(*verdict.snp, report);
  if (verdict.tdx) show_tdx(*verdict.tdx, verdict.tdx_tcb, report);
  report.json["not_checked"] = verdict.not_checked;
  report.json["passed_over"] = passed_over;
  for (const std::string& line : verdict.not_checked) report.field("not checked", line);
  for (const std::string& path : passed_over) report.field("passed over", path + ", no collateral");
  return report;
}

}  // namespace

void add_tee_commands(CommandLine& command_line) {
  Command* verb = command_line.verb(
      command_line.group("tee", "Trusted execution environments: SEV-SNP and TDX"), "verify",
      "Check an SNP report or a TDX quote, offline",
      "attestctl tee verify report.bin --collateral collateral/ --report-data 5f…");
  auto options = std::make_shared<TeeOptions>();
  verb->add_option("FILE", options->file, "The report or quote, as the TEE gave it")->required();
  verb->add_option("--collateral", options->collateral,
                   "A folder or file of certificates, CRLs, TCB info, QE identity; repeatable")
      ->required();
  verb->add_option("--roots", options->roots,
                   "Roots to believe beside AMD's and Intel's: a folder or file");
  verb->add_option("--at", options->at, "The time to check at; now without");
  verb->add_option("--report-data", options->report_data,
                   "What the report must be bound to, in hexadecimal");
  verb->add_flag("--allow-debug", options->allow_debug, "Accept a guest that may be debugged");
  verb->add_flag("--require-crl", options->require_crl, "Without CRLs the result is incomplete");
  verb->add_option("--accept-tcb", options->accept,
                   "A further TCB status to accept, such as OutOfDate; repeatable");
  command_line.runs(
      verb, [options](const Context& context) { return tee_verify(*options, context.now); });
}

}  // namespace attest::cli
