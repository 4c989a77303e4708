// attestctl gpu verify, reference, topology: evidence of GPUs and NVSwitches from files, without a
// network.
#include <algorithm>
#include <set>

#include "cli/collateral_files.h"
#include "cli/command_line.h"
#include "cli/gpu_files.h"
#include "cli/gpu_report.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/file.h"
#include "libattest/gpu/evidence_file.h"
#include "libattest/gpu/golden_reference.h"
#include "libattest/gpu/topology.h"

namespace attest::cli {

namespace {

struct GpuOptions {
  std::string evidence;
  std::string report;
  std::string chain;
  std::vector<std::string> rims;
  std::vector<std::string> references;
  std::vector<std::string> crls;
  std::string ocsp;
  bool ocsp_rims = false;
  std::string nonce;
  std::string at;
  RootOptions roots;
};

struct Device {
  std::string label;
  gpu::DeviceEvidence evidence;
  bool nonce_is_claimed = false;  // the file's own, which proves nothing about now
};

Result<std::vector<Device>> read_pair(const GpuOptions& options,
                                      const std::optional<Bytes>& nonce) {
  TRY(const Bytes file, read_file(options.report, 1U << 20));
  TRY_WITHIN(options.report, const Bytes bytes, gpu::report_bytes(file));
  TRY_WITHIN(options.report, gpu::UntrustedReport report, gpu::parse_report(bytes));
  TRY(const Bytes pem, read_file(options.chain, 1U << 20));
  TRY_WITHIN(options.chain, std::vector<Certificate> chain, Certificate::from_der_or_pem(pem));
  std::vector<Device> devices;
  devices.push_back({options.report, {std::move(report), std::move(chain), nonce}});
  return devices;
}

Result<std::vector<Device>> read_evidence(const std::string& path,
                                          const std::optional<Bytes>& nonce) {
  TRY(const std::string text, read_text_file(path));
  TRY_WITHIN(path, auto entries, gpu::parse_evidence_file(text));
  std::vector<Device> devices;
  for (gpu::EvidenceEntry& entry : entries)
    devices.push_back({std::move(entry.label),
                       {std::move(entry.report), std::move(entry.chain),
                        nonce ? nonce : std::move(entry.claimed_nonce)},
                       !nonce});
  return devices;
}

struct Inputs {
  std::vector<Device> devices;
  Roots roots;
  Time at;
  std::vector<gpu::CollectedRim> rims;
  std::optional<gpu::Stapled> ocsp;
  std::vector<Bytes> crls = {};
};

Result<Inputs> read_inputs(const GpuOptions& options, Time now) {
  const bool pair = !options.report.empty() || !options.chain.empty();
  if (pair == !options.evidence.empty() ||
      (pair && (options.report.empty() || options.chain.empty())))
    return fail(usage_error("what should be checked?")
                    .expected("--report and --chain, or an evidence file")
                    .next("attestctl gpu verify --help"));
  TRY(const std::optional<Time> at, read_time("--at", options.at));
  TRY(const std::optional<Bytes> nonce, read_hex("--nonce", options.nonce));
  Inputs inputs{
      .devices = {}, .roots = {}, .at = at.value_or(now), .rims = {}, .ocsp = {}, .crls = {}};
  TRY(inputs.roots, load_roots(options.roots));
  if (pair) {
    TRY(inputs.devices, read_pair(options, nonce));
  } else {
    TRY(inputs.devices, read_evidence(options.evidence, nonce));
  }
  TRY(inputs.rims, read_rims(options.rims, inputs.roots.rim, at));
  TRY(auto golden, read_golden(options.references));
  std::ranges::move(golden, std::back_inserter(inputs.rims));
  std::vector<std::string> passed_over;
  TRY(inputs.crls, crls_at(options.crls, passed_over));
  if (!passed_over.empty()) return fail(usage_error("--crl names no CRL: " + passed_over.front()));
  if (!options.ocsp.empty()) {
    TRY(auto responses, read_ocsp(options.ocsp));
    inputs.ocsp = gpu::Stapled{std::move(responses), inputs.at, options.ocsp_rims};
  }
  return inputs;
}

std::vector<gpu::DeviceVerdict> judge_all(const Inputs& inputs) {
  std::vector<gpu::DeviceVerdict> verdicts;
  for (const Device& device : inputs.devices) {
    verdicts.push_back(gpu::judge_device(device.evidence, inputs.roots.device, inputs.at,
                                         {inputs.rims, inputs.ocsp, inputs.crls}));
    if (device.nonce_is_claimed && device.evidence.nonce)
      verdicts.back().not_checked.emplace_back("freshness: the nonce is the file's own");
  }
  return verdicts;
}

std::vector<gpu::NamedReport> verified_reports(const Inputs& inputs,
                                               const std::vector<gpu::DeviceVerdict>& verdicts) {
  std::vector<gpu::NamedReport> reports;
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    if (verdicts[i].report) reports.push_back({inputs.devices[i].label, &*verdicts[i].report});
  return reports;
}

std::vector<result::Check> check_together(const std::vector<gpu::NamedReport>& devices) {
  std::vector<result::Check> checks = gpu::check_distinct(devices);
  const std::vector<result::Check> nonces = gpu::check_one_nonce(devices);
  checks.insert(checks.end(), nonces.begin(), nonces.end());
  return checks;
}

std::string headline(Outcome outcome, const std::string& what) {
  switch (outcome) {
    case Outcome::pass:
      return "pass: " + what;
    case Outcome::refused:
      return "refused: " + what;
    case Outcome::incomplete:
      return "incomplete: " + what;
  }
  return what;
}

std::string first_reason(const gpu::DeviceVerdict& verdict) {
  for (const result::Check& check : verdict.checks)
    if (check.outcome == verdict.verdict && check.outcome != result::Verdict::pass)
      return check.why;
  return "the device is genuine and runs what its reference values say";
}

Report show_one(const gpu::DeviceVerdict& verdict) {
  Report report;
  report.outcome = outcome_of(verdict.verdict);
  report.line(headline(report.outcome, first_reason(verdict)));
  describe(report, verdict);
  report.json = to_json(verdict);
  return report;
}

Report show_all(const Inputs& inputs, const std::vector<gpu::DeviceVerdict>& verdicts,
                const std::vector<result::Check>& together) {
  Report report;
  report.json = {
      {"result", ""}, {"devices", OrderedJson::array()}, {"checks", OrderedJson::array()}};
  report.outcome = outcome_of(gpu::verdict_of(together));
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const Outcome outcome = outcome_of(verdicts[i].verdict);
    report.outcome = worse_of(report.outcome, outcome);
    report.line(inputs.devices[i].label + ": " + headline(outcome, first_reason(verdicts[i])));
    describe(report, verdicts[i]);
    OrderedJson json = {{"label", inputs.devices[i].label}};
    json.update(to_json(verdicts[i]));
    report.json["devices"].push_back(std::move(json));
  }
  report.line("together: " + headline(outcome_of(gpu::verdict_of(together)),
                                      std::to_string(verdicts.size()) + " devices"));
  describe(report, together);
  for (const result::Check& check : together) report.json["checks"].push_back(to_json(check));
  report.json["result"] = to_string(report.outcome);
  return report;
}

Result<Report> gpu_verify(const GpuOptions& options, Time now) {
  TRY(const Inputs inputs, read_inputs(options, now));
  const std::vector<gpu::DeviceVerdict> verdicts = judge_all(inputs);
  if (options.evidence.empty()) return show_one(verdicts.front());
  return show_all(inputs, verdicts, check_together(verified_reports(inputs, verdicts)));
}

// A report that does not verify ends the question of topology.
Result<std::vector<gpu::VerifiedReport>> verify_reports(const Inputs& inputs) {
  std::vector<gpu::VerifiedReport> reports;
  for (const Device& device : inputs.devices) {
    TRY_WITHIN(device.label, const auto chain,
               gpu::verify_device_chain(device.evidence.chain, inputs.roots.device, inputs.at,
                                        inputs.crls));
    TRY_WITHIN(device.label, auto report,
               gpu::verify_report(device.evidence.report, chain, device.evidence.nonce));
    reports.push_back(std::move(report));
  }
  return reports;
}

void list_devices(Report& report, const std::vector<gpu::NamedReport>& devices) {
  Table table({"device", "PDI", "linked to"});
  report.json["devices"] = OrderedJson::array();
  for (const gpu::NamedReport& device : devices) {
    const gpu::DeviceIdentity& identity = device.report->device();
    const bool is_gpu = identity.kind == gpu::DeviceKind::gpu;
    std::set<std::string> linked;
    for (const gpu::Pdi& pdi :
         is_gpu ? device.report->opaque().switch_pdis : device.report->opaque().gpu_pdis)
      linked.insert(to_hex(pdi));
    table.row({device.label, to_hex(identity.pdi),
               std::to_string(linked.size()) + (is_gpu ? " switches" : " GPUs")});
    report.json["devices"].push_back({{"label", device.label},
                                      {"kind", gpu::to_string(identity.kind)},
                                      {"pdi", to_hex(identity.pdi)},
                                      {"serial", identity.device_serial},
                                      {"linked_to", linked}});
  }
  table.print_to(report);
}

Result<Report> gpu_topology(const GpuOptions& options, Time now) {
  TRY(const Inputs inputs, read_inputs(options, now));
  TRY(const std::vector<gpu::VerifiedReport> reports, verify_reports(inputs));
  std::vector<gpu::NamedReport> named;
  for (std::size_t i = 0; i < reports.size(); ++i)
    named.push_back({inputs.devices[i].label, &reports[i]});
  std::vector<result::Check> checks = check_together(named);
  const std::vector<result::Check> links = gpu::check_topology(named);
  checks.insert(checks.end(), links.begin(), links.end());

  Report report;
  report.outcome = outcome_of(gpu::verdict_of(checks));
  report.line(headline(report.outcome, std::to_string(reports.size()) + " devices"));
  report.json = {{"result", to_string(report.outcome)}};
  list_devices(report, named);
  describe(report, checks);
  report.json["checks"] = OrderedJson::array();
  for (const result::Check& check : checks) report.json["checks"].push_back(to_json(check));
  report.json["not_checked"] = {"measurements: attestctl gpu verify compares them"};
  report.field("not checked", "measurements: attestctl gpu verify compares them");
  return report;
}

struct ReferenceOptions {
  GpuOptions gpu;
  SubmissionOptions submission;
  std::string kind;
  std::vector<unsigned> indexes;
  std::string description;
};

// What a device that is known to be good measures; for those whose maker published no RIM.
Result<Report> gpu_reference(const ReferenceOptions& options, Time now) {
  TRY(const Inputs inputs, read_inputs(options.gpu, now));
  TRY(const std::vector<gpu::VerifiedReport> reports, verify_reports(inputs));
  const gpu::RimKind kind = options.kind == "driver"  ? gpu::RimKind::driver
                            : options.kind == "vbios" ? gpu::RimKind::vbios
                                                      : gpu::RimKind::switch_bios;
  TRY(const auto values,
      gpu::make_golden_reference(reports.front(), kind, options.indexes, options.description));
  TRY(const Bytes corim, reference::encode_device_values(values));
  TRY(const auto subject, statement::Subject::platform(values.name));
  TRY(Report report,
      submit(options.submission, statement::Kind::reference_values, subject, corim, now));
  report.field("stands in for", values.name);
  report.json["rim_id"] = values.name;
  report.json["values"] = values.values.size();
  return report;
}

}  // namespace

void add_gpu_commands(CommandLine& command_line) {
  Command* group = command_line.group("gpu", "GPUs and NVSwitches: reports, RIMs, topology");
  Command* verb = command_line.verb(
      group, "verify", "Check a device's report, or a file of several devices' evidence",
      "attestctl gpu verify --report r.bin --chain c.pem --rim driver.xml --rim vbios.xml "
      "--at 2026-11-21");
  auto options = std::make_shared<GpuOptions>();
  verb->add_option("EVIDENCE", options->evidence, "JSON with several devices' evidence");
  verb->add_option("--report", options->report, "The report: raw, or in hexadecimal or base64");
  verb->add_option("--chain", options->chain, "Its certificates, leaf first, PEM or DER");
  verb->add_option("--rim", options->rims, "A RIM file, or a folder of them; may be repeated");
  verb->add_option(
      "--reference", options->references,
      "Golden values that you vouch for: CoRIM, or the statement that carries it; may be "
      "repeated");
  verb->add_option("--crl", options->crls,
                   "CRLs of the device's authorities, files or folders; may be repeated");
  verb->add_option("--ocsp", options->ocsp, "A folder of OCSP responses; each must be there");
  verb->add_flag("--ocsp-rims", options->ocsp_rims, "Ask for OCSP of the RIM signers, too");
  verb->add_option("--nonce", options->nonce, "The nonce asked with, in hexadecimal");
  verb->add_option("--at", options->at,
                   "The time of RIM signatures and OCSP; without it RIMs are incomplete");
  add_root_options(verb, options->roots, true);
  command_line.runs(
      verb, [options](const Context& context) { return gpu_verify(*options, context.now); });

  verb = command_line.verb(
      group, "reference",
      "Turn a good device's report into golden values, where no RIM is published",
      "attestctl gpu reference --report r.bin --chain c.pem --kind vbios --index 1,2,9 \\\n"
      "    --description \"as delivered\" --issuer owner@dc1.example --key owner.key --output "
      "v.cose");
  auto reference = std::make_shared<ReferenceOptions>();
  verb->add_option("--report", reference->gpu.report, "The report of a device known to be good")
      ->required();
  verb->add_option("--chain", reference->gpu.chain, "Its certificates, leaf first")->required();
  verb->add_option("--nonce", reference->gpu.nonce, "The nonce asked with, in hexadecimal");
  verb->add_option("--at", reference->gpu.at, "The time to check certificates at; now without");
  verb->add_option("--kind", reference->kind, "What the values are of")
      ->required()
      ->one_of({"driver", "vbios", "switch-bios"});
  verb->add_option("--index", reference->indexes, "Which measurements, from 0")
      ->required()
      ->delimiter(',');
  verb->add_option("--description", reference->description, "What people know them by")->required();
  add_root_options(verb, reference->gpu.roots, true);
  add_submission_options(verb, reference->submission);
  command_line.runs(
      verb, [reference](const Context& context) { return gpu_reference(*reference, context.now); });

  verb = command_line.verb(group, "topology", "Check that GPUs and NVSwitches of a host close",
                           "attestctl gpu topology evidence.json");
  auto topology = std::make_shared<GpuOptions>();
  verb->add_option("EVIDENCE", topology->evidence, "JSON with the devices' evidence")->required();
  verb->add_option("--nonce", topology->nonce, "The nonce asked with, in hexadecimal");
  verb->add_option("--at", topology->at, "The time to check certificates at; now without");
  add_root_options(verb, topology->roots, true);
  command_line.runs(
      verb, [topology](const Context& context) { return gpu_topology(*topology, context.now); });
}

}  // namespace attest::cli
