// attestctl hardware made, transfer, accept, place, inspect, retire: what happened to a device,
// signed and entered in a ledger.
#include <algorithm>

#include "cli/command_line.h"
#include "cli/custody_log.h"
#include "cli/device_options.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"
#include "libattest/hardware/custody.h"

namespace attest::cli {

namespace {

using statement::Custody;
using statement::CustodyEvent;

struct EventOptions {
  SubmissionOptions submission;
  DeviceOptions device;
  std::string event;
  std::string to;
  std::string previous;
  std::string log;
  std::string trust;
  std::string jurisdiction;
  std::string region;
  std::string site;
  std::string method;
  std::string at;
};

Result<Sha256> digest_option(const std::string& text) {
  TRY_WITHIN("--previous", const Bytes bytes, from_hex(text));
  Sha256 digest{};
  if (bytes.size() != digest.size())
    return fail(usage_error("--previous takes 64 hexadecimal digits"));
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

// The statement that the next one follows: named by hand, or the last one in the log.
Result<Sha256> previous_of(const EventOptions& options, const statement::Subject& device) {
  if (!options.previous.empty()) return digest_option(options.previous);
  if (options.log.empty())
    return fail(
        usage_error("say which statement this one follows: --previous DIGEST, or --log "
                    "and --trust to find it"));
  TRY(const TrustRoot trust, load_trust(options.trust));
  const auto source = open_published_log(options.log);
  TRY(const DeviceRecord record, read_device_record(*source, device, trust));
  const auto head = hardware::judge_custody(device, record.statements).head();
  if (!head)
    return fail(refused(rules::custody_unclaimed, "the log does not say that the device was made")
                    .within(device.text()));
  return *head;
}

Result<Report> submit_event(const EventOptions& options, CustodyEvent event, Time now) {
  Custody custody;
  TRY(custody.device, identity_of(options.device));
  const statement::Subject device = statement::subject_of(custody.device);
  custody.event = event;
  custody.time = now;
  if (!options.at.empty()) {
    TRY_WITHIN("--at", custody.time, parse_time(options.at));
  }
  if (event != CustodyEvent::made) {
    TRY(custody.previous, previous_of(options, device));
  }
  if (statement::is_transfer(event)) custody.to = options.to;
  if (!options.jurisdiction.empty()) custody.jurisdiction = options.jurisdiction;
  if (statement::is_placement(event)) custody.place = {options.region, options.site};
  const Bytes payload = statement::encode(custody);
  TRY_VOID(statement::decode_custody(payload));
  TRY(Report report, submit(options.submission, statement::Kind::custody, device, payload, now));
  report.field("device", device.text());
  report.field("event", statement::to_string(event));
  report.field("digest", report.json["digest"].get<std::string>());
  report.json["device"] = device.text();
  report.json["event"] = statement::to_string(event);
  return report;
}

Result<Report> submit_named_event(const EventOptions& options, Time now) {
  const auto event = statement::custody_event_by_name(options.event);
  return submit_event(options, *event, now);
}

Result<Report> inspect(const EventOptions& options, Time now) {
  statement::Inspection inspection;
  TRY(inspection.device, identity_of(options.device));
  TRY(inspection.confirms, digest_option(options.previous));
  inspection.place = {options.region, options.site};
  inspection.method = options.method;
  inspection.time = now;
  const Bytes payload = statement::encode(inspection);
  TRY_VOID(statement::decode_inspection(payload));
  return submit(options.submission, statement::Kind::inspection,
                statement::subject_of(inspection.device), payload, now);
}

void add_chain_options(Command* verb, EventOptions& options) {
  verb->add_option("--previous", options.previous,
                   "SHA-256 of the statement that this one follows");
  verb->add_option("--log", options.log, "A published or exported log to find that statement in");
  add_trust_option(verb, options.trust);
}

std::shared_ptr<EventOptions> add_event_options(Command* verb) {
  auto options = std::make_shared<EventOptions>();
  add_device_options(verb, options->device, false);
  verb->add_option("--jurisdiction", options->jurisdiction, "Whose law you are under, such as DE");
  verb->add_option("--at", options->at, "When it happened; now without");
  add_submission_options(verb, options->submission);
  return options;
}

}  // namespace

void add_custody_statement_commands(CommandLine& command_line, Command* group) {
  const std::string by =
      " \\\n    --issuer maker.example --key maker.key --server "
      "https://127.0.0.1:8443";
  Command* verb =
      command_line.verb(group, "made", "Begin a device's life: say that you made it",
                        "attestctl hardware made --gpu-chain chain.pem --jurisdiction TW" + by);
  auto options = add_event_options(verb);
  command_line.runs(verb, [options](const Context& context) {
    return submit_event(*options, CustodyEvent::made, context.now);
  });

  verb = command_line.verb(group, "transfer", "Give a device to somebody, who must accept it",
                           "attestctl hardware transfer --gpu-chain chain.pem --event sold \\\n"
                           "    --to buyer.example --log ./export" +
                               by);
  options = add_event_options(verb);
  verb->add_option("--event", options->event, "sold, shipped or leased")
      ->required()
      ->one_of({"sold", "shipped", "leased"});
  verb->add_option("--to", options->to, "The issuer's name of who is to have it")->required();
  add_chain_options(verb, *options);
  command_line.runs(verb, [options](const Context& context) {
    return submit_named_event(*options, context.now);
  });

  verb = command_line.verb(group, "accept", "Accept a device that was given to you",
                           "attestctl hardware accept --gpu-chain chain.pem --log ./export" + by);
  options = add_event_options(verb);
  add_chain_options(verb, *options);
  command_line.runs(verb, [options](const Context& context) {
    return submit_event(*options, CustodyEvent::received, context.now);
  });

  verb = command_line.verb(group, "place", "Say where a device that you hold was put",
                           "attestctl hardware place --gpu-chain chain.pem --event installed \\\n"
                           "    --region eu-north --site \"hall 3\" --log ./export" +
                               by);
  options = add_event_options(verb);
  verb->add_option("--event", options->event, "installed or moved")
      ->required()
      ->one_of({"installed", "moved"});
  verb->add_option("--region", options->region, "As policies name it")->required();
  verb->add_option("--site", options->site, "Where in it, in words")->required();
  add_chain_options(verb, *options);
  command_line.runs(verb, [options](const Context& context) {
    return submit_named_event(*options, context.now);
  });

  verb =
      command_line.verb(group, "inspect", "Confirm with your own eyes where a device is",
                        "attestctl hardware inspect --gpu-chain chain.pem --previous 5e0c… \\\n"
                        "    --region eu-north --site \"hall 3\" --method \"seen, serial read\"" +
                            by);
  options = add_event_options(verb);
  verb->add_option("--previous", options->previous,
                   "SHA-256 of the statement \"installed\" or \"moved\" that you confirm")
      ->required();
  verb->add_option("--region", options->region, "Where you found it")->required();
  verb->add_option("--site", options->site, "Where in it, in words")->required();
  verb->add_option("--method", options->method, "How you know, in words")->required();
  command_line.runs(verb,
                    [options](const Context& context) { return inspect(*options, context.now); });

  verb = command_line.verb(group, "retire", "End a device's life",
                           "attestctl hardware retire --gpu-chain chain.pem --log ./export" + by);
  options = add_event_options(verb);
  add_chain_options(verb, *options);
  command_line.runs(verb, [options](const Context& context) {
    return submit_event(*options, CustodyEvent::decommissioned, context.now);
  });
}

}  // namespace attest::cli
