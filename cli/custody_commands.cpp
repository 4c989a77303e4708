// attestctl hardware verify, show, history: the chain of a device's owners, read from a log; and
// platform certificates.
#include "cli/command_line.h"
#include "cli/custody_log.h"
#include "cli/custody_report.h"
#include "cli/device_options.h"
#include "cli/groups.h"
#include "cli/platform_certificate_files.h"
#include "cli/submission.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"

namespace attest::cli {

namespace {

struct ReadOptions {
  DeviceOptions device;
  PlatformOptions platform;
  std::string log;
  std::string trust;
  bool graph = false;
  std::vector<std::string> makers;
  std::vector<std::string> forbidden_parties;
  std::vector<std::string> forbidden_jurisdictions;
  std::vector<std::string> regions;
  bool require_inspection = false;
  std::string owner;
};

template <typename T>
std::set<T> as_set(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

Result<CustodyView> view_of(const ReadOptions& options) {
  if (options.log.empty()) return fail(usage_error("--log names the log to read"));
  TRY(const statement::Subject device, device_subject(options.device));
  TRY(const TrustRoot trust, load_trust(options.trust));
  const auto source = open_published_log(options.log);
  TRY_WITHIN(options.log, DeviceRecord record, read_device_record(*source, device, trust));
  hardware::CustodyPolicy policy{.makers = as_set(options.makers),
                                 .forbidden_parties = as_set(options.forbidden_parties),
                                 .forbidden_jurisdictions = as_set(options.forbidden_jurisdictions),
                                 .allowed_regions = as_set(options.regions),
                                 .require_inspection = options.require_inspection};
  if (!options.owner.empty()) policy.owner = options.owner;
  auto verdict = hardware::judge_custody(device, record.statements, policy);
  return CustodyView{device, std::move(record), std::move(verdict)};
}

Result<Report> hardware_verify(const ReadOptions& options, Time now) {
  if (!options.platform.certificate.empty()) return platform_verify(options.platform, now);
  TRY(const CustodyView view, view_of(options));
  return verify_report(view);
}

Result<Report> hardware_show(const ReadOptions& options) {
  TRY(const CustodyView view, view_of(options));
  return show_report(view);
}

Result<Report> hardware_history(const ReadOptions& options) {
  TRY(const CustodyView view, view_of(options));
  return history_report(view, options.graph);
}

void add_read_options(Command* verb, ReadOptions& options) {
  add_device_options(verb, options.device, true);
  verb->add_option("--log", options.log, "A published or exported log: its folder");
  add_trust_option(verb, options.trust);
}

void add_policy_options(Command* verb, ReadOptions& options) {
  verb->add_option("--maker", options.makers, "Who may have made it; anyone without; repeatable");
  verb->add_option("--forbid-party", options.forbidden_parties,
                   "Who must never have had it; repeatable");
  verb->add_option("--forbid-jurisdiction", options.forbidden_jurisdictions,
                   "Where it must never have been; repeatable");
  verb->add_option("--region", options.regions, "Where it may be now; repeatable");
  verb->add_flag("--require-inspection", options.require_inspection,
                 "Its place must be confirmed by an inspector");
  verb->add_option("--owner", options.owner, "Who must own it now");
}

void add_platform_options(Command* verb, PlatformOptions& options) {
  verb->add_option("--certificate", options.certificate,
                   "Check this platform certificate instead of custody: the base, DER or PEM");
  verb->add_option("--delta", options.deltas, "A delta certificate; repeatable, in their order");
  verb->add_option("--ca", options.authorities,
                   "An authority that is trusted as it is, or a folder; repeatable");
  verb->add_option("--intermediate", options.intermediates,
                   "An authority that must chain to a trusted one; repeatable");
  verb->add_option("--components", options.components,
                   "What was found on the machine, as JSON; compared both ways");
  verb->add_option("--at", options.at, "The time to check certificates at; now without");
}

}  // namespace

void add_custody_commands(CommandLine& command_line, Command* group) {
  add_custody_statement_commands(command_line, group);

  Command* verb = command_line.verb(
      group, "verify",
      "Check a device's custody in a log, or a platform certificate and a machine's parts",
      "attestctl hardware verify --gpu-chain chain.pem --log ./export --trust trust.toml \\\n"
      "    --owner owner.example --region eu-north\n"
      "  attestctl hardware verify --certificate base.cer --ca maker.pem --components found.json");
  auto verify = std::make_shared<ReadOptions>();
  add_read_options(verb, *verify);
  add_policy_options(verb, *verify);
  add_platform_options(verb, verify->platform);
  command_line.runs(verb, [verify](const Context& context) {
    verify->platform.ek = verify->device.ek;
    return hardware_verify(*verify, context.now);
  });

  verb = command_line.verb(
      group, "show", "Show whose a device is, who has it, and where it is said to be",
      "attestctl hardware show --device device:5e0c… --log ./export --trust trust.toml");
  auto show = std::make_shared<ReadOptions>();
  add_read_options(verb, *show);
  command_line.runs(verb, [show](const Context&) { return hardware_show(*show); });

  verb = command_line.verb(
      group, "history", "Print a device's life as a timeline, or as a graph",
      "attestctl hardware history --device device:5e0c… --log ./export --graph | dot -Tsvg");
  auto history = std::make_shared<ReadOptions>();
  add_read_options(verb, *history);
  verb->add_flag("--graph", history->graph, "As a graph in DOT instead of a timeline");
  command_line.runs(verb, [history](const Context&) { return hardware_history(*history); });
}

}  // namespace attest::cli
