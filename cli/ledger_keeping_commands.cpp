// attestctl ledger: backup, restore, repair, freeze, rotate, monitor: keeping a log, and an eye on
// one.
#include <chrono>
#include <thread>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/log_source.h"
#include "cli/passphrase.h"
#include "ledger/backup.h"
#include "ledger/monitor.h"
#include "ledger/witnessing.h"
#include "libattest/base/text.h"
#include "libattest/transparency/lines.h"

namespace attest::cli {

namespace {

struct KeepOptions {
  std::string directory;
  std::string output;
  std::string checkpoint;
  std::string mirror;
  std::string ca_file;
  std::string key;
  std::string passphrase_file;
  std::string next;
  std::string next_origin;
  std::string next_key;
};

ledger::LogPlace place_of(const std::string& directory) {
  ledger::LogPlace place;
  place.directory = directory;
  return place;
}

Result<std::shared_ptr<const SigningKey>> key_of(const KeepOptions& options,
                                                 const std::string& name) {
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(auto key, open_signing_key(name, passphrase));
  return std::shared_ptr<const SigningKey>(std::move(key));
}

Result<Report> back_up(const KeepOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options.directory)));
  TRY_VOID(ledger::back_up(*log, system_files(), options.output));
  Report report;
  report.line(options.output + ": a backup of " + log->origin());
  report.line("The signing floor is not in it, so that an old copy is noticed. To restore it you");
  report.line("need the newest checkpoint that anyone has seen: keep, or publish, those.");
  report.json = {{"directory", options.output}, {"origin", log->origin()}};
  return report;
}

Result<Report> restore(const KeepOptions& options) {
  TRY(const std::string note, read_text_file(options.checkpoint, 1U << 20));
  std::unique_ptr<ledger::TileSource> mirror;
  if (!options.mirror.empty()) {
    TRY(mirror, open_log_source(options.mirror, options.ca_file));
  }
  TRY(const auto restored,
      ledger::restore(options.directory, place_of(options.output), note, mirror.get()));
  Report report;
  report.line(options.output + ": " + restored.origin + " restored");
  report.field("entries", with_thousands(restored.in_backup) + " from the backup, " +
                              with_thousands(restored.recovered) + " from the mirror");
  report.field("floor", with_thousands(restored.published) +
                            " entries: nothing shorter will be signed again");
  report.json = {{"origin", restored.origin},
                 {"in_backup", restored.in_backup},
                 {"recovered", restored.recovered},
                 {"published", restored.published}};
  return report;
}

Result<Report> repair(const KeepOptions& options) {
  TRY(auto key, key_of(options, options.key));
  TRY(const auto log, ledger::Log::open(place_of(options.directory), std::move(key)));
  TRY(const auto mirror, open_log_source(options.mirror, options.ca_file));
  TRY(const auto repaired, log->repair(*mirror));
  Report report;
  const bool sound = repaired.bundles == 0 && repaired.tiles == 0 && !repaired.index;
  report.line(options.directory + (sound ? ": nothing was damaged" : ": repaired"));
  report.field("bundles", with_thousands(repaired.bundles) + " put back from the mirror");
  report.field("tiles", with_thousands(repaired.tiles) + " above them");
  report.field("index", repaired.index ? "made again from the entries" : "sound");
  report.json = {
      {"bundles", repaired.bundles}, {"tiles", repaired.tiles}, {"index", repaired.index}};
  return report;
}

Result<Report> freeze(const KeepOptions& options, Time now) {
  TRY(auto key, key_of(options, options.key));
  TRY(const auto log, ledger::Log::open(place_of(options.directory), std::move(key)));
  TRY(const auto published, ledger::publish_checkpoint(*log, now, {}, 0));
  TRY_VOID(log->freeze());
  TRY(const ledger::Head head, log->head());
  Report report;
  report.line(log->origin() + ": frozen at " + with_thousands(head.size) + " entries");
  report.line("It takes no more; what it holds can be read, proved and audited as before.");
  report.json = {{"origin", log->origin()}, {"size", head.size}, {"checkpoint", published.note}};
  return report;
}

// The next log is made first: when that fails, the old one still takes entries.
Result<Report> rotate(const KeepOptions& options, Time now) {
  TRY(auto next_key, key_of(options, options.next_key));
  TRY(const auto next,
      ledger::Log::init(place_of(options.next), options.next_origin, std::move(next_key)));
  TRY(Report report, freeze(options, now));
  report.line(options.next + ": the log that follows, empty");
  report.field("origin", next->origin());
  report.field("key", next->verifier_key());
  report.line("Name both under [[log]] in the trust root: old entries are proved by the old one.");
  report.json["next"] = {{"origin", next->origin()}, {"verifier_key", next->verifier_key()}};
  return report;
}

struct MonitorOptions {
  std::string place;
  std::string ca_file;
  std::string key;
  std::vector<std::string> witnesses;
  std::string state;
  std::vector<std::string> subjects;
  std::vector<std::string> signers;
  std::vector<std::string> expected;
  std::uint32_t every = 0;  // seconds between looks; 0: one look
};

Result<ledger::Promise> promise_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto index = transparency::decimal(text.substr(0, colon));
  if (colon == text.npos || !index)
    return fail(usage_error("--expect is not INDEX:FILE").found(text));
  TRY(const Bytes entry, read_file(text.substr(colon + 1), ledger::max_entry_size));
  return ledger::Promise{*index, transparency::leaf_hash(entry)};
}

Result<ledger::MonitorRequest> request_of(const MonitorOptions& options) {
  ledger::MonitorRequest request;
  request.verifier_key = options.key;
  request.witness_keys = options.witnesses;
  request.subjects = options.subjects;
  for (const std::string& signer : options.signers) request.subjects.push_back("signer:" + signer);
  for (const std::string& text : options.expected) {
    TRY(const ledger::Promise promise, promise_of(text));
    request.promises.push_back(promise);
  }
  TRY(const bool seen, system_files().exists(options.state));
  if (seen) {
    TRY(request.last, read_text_file(options.state, 1U << 20));
  }
  return request;
}

Result<Report> monitor(const MonitorOptions& options) {
  TRY(const auto source, open_log_source(options.place, options.ca_file));
  TRY(const ledger::MonitorRequest request, request_of(options));
  TRY(const ledger::MonitorReport found, ledger::monitor(*source, request));
  Report report;
  const bool quiet = found.alarm == ledger::Alarm::none;
  report.json = {{"alarm", ledger::to_string(found.alarm)},
                 {"what", found.what},
                 {"origin", found.origin},
                 {"from", found.from},
                 {"size", found.size},
                 {"entries", found.entries},
                 {"cosignatures", found.cosignatures},
                 {"sightings", OrderedJson::array()}};
  report.line(options.place + "   size " + with_thousands(found.size) + ", " +
              with_thousands(found.entries) + " new entries");
  for (const ledger::Sighting& sighting : found.sightings) {
    report.field("entry", with_thousands(sighting.index) + "  " + sighting.subject);
    report.json["sightings"].push_back({{"index", sighting.index}, {"subject", sighting.subject}});
  }
  if (!quiet) {
    report.outcome = Outcome::refused;
    report.field(ledger::to_string(found.alarm), found.what);
    report.json["checkpoint"] = found.note;
    report.line("ALARM. Keep " + options.state + " and the log's checkpoint; tell its witnesses.");
    return report;
  }
  TRY_VOID(write_file_atomically(options.state, as_bytes(found.note)));
  report.line("consistent with all seen before");
  return report;
}

void add_signing_key(Command* verb, const std::shared_ptr<KeepOptions>& options) {
  verb->add_option("--key", options->key, "The log's signing key: a file or a pkcs11: URI")
      ->required();
  verb->add_option("--passphrase-file", options->passphrase_file,
                   "Holds the key's passphrase in its first line");
}

void add_backup_commands(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<KeepOptions>();
  Command* verb =
      command_line.verb(group, "backup", "Copy a log's database while it runs",
                        "attestctl ledger backup /var/lib/attest/log --output /backup/2026-11-21");
  verb->add_option("DIR", options->directory, "The log's directory")->required();
  verb->add_option("--output", options->output, "An empty or new directory")->required();
  command_line.runs(verb, [options](const Context&) { return back_up(*options); });

  options = std::make_shared<KeepOptions>();
  verb = command_line.verb(
      group, "restore", "Make a log from a backup, and from tiles what came after it",
      "attestctl ledger restore /backup/2026-11-21 --output /var/lib/attest/log \\\n"
      "    --checkpoint newest --mirror https://mirror.example/log");
  verb->add_option("BACKUP", options->directory, "The backup's directory")->required();
  verb->add_option("--output", options->output, "The log's directory, without a database")
      ->required();
  verb->add_option("--checkpoint", options->checkpoint,
                   "The newest checkpoint seen anywhere: a mirror's, a witness's")
      ->required();
  verb->add_option("--mirror", options->mirror, "Published tiles: a directory or a URL");
  verb->add_option("--ca-file", options->ca_file, "Trust these certificates for the URL (PEM)");
  command_line.runs(verb, [options](const Context&) { return restore(*options); });

  options = std::make_shared<KeepOptions>();
  verb = command_line.verb(group, "repair", "Put back what rotted in a log's database",
                           "attestctl ledger repair /var/lib/attest/log --key log.key \\\n"
                           "    --mirror https://mirror.example/log");
  verb->add_option("DIR", options->directory, "The log's directory")->required();
  add_signing_key(verb, options);
  verb->add_option("--mirror", options->mirror, "Published tiles: a directory or a URL")
      ->required();
  verb->add_option("--ca-file", options->ca_file, "Trust these certificates for the URL (PEM)");
  command_line.runs(verb, [options](const Context&) { return repair(*options); });
}

void add_ending_commands(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<KeepOptions>();
  Command* verb = command_line.verb(group, "freeze", "Publish a last checkpoint and end a log",
                                    "attestctl ledger freeze ./log --key log.key");
  verb->add_option("DIR", options->directory, "The log's directory")->required();
  add_signing_key(verb, options);
  command_line.runs(verb,
                    [options](const Context& context) { return freeze(*options, context.now); });

  options = std::make_shared<KeepOptions>();
  verb = command_line.verb(group, "rotate", "Freeze a log and make the one that follows it",
                           "attestctl ledger rotate ./log --key log.key --next ./log-2027 \\\n"
                           "    --next-origin dc1.example/log-2027 --next-key log-2027.key");
  verb->add_option("DIR", options->directory, "The log's directory")->required();
  add_signing_key(verb, options);
  verb->add_option("--next", options->next, "The next log's directory")->required();
  verb->add_option("--next-origin", options->next_origin, "The next log's name")->required();
  verb->add_option("--next-key", options->next_key, "The next log's signing key")->required();
  command_line.runs(verb,
                    [options](const Context& context) { return rotate(*options, context.now); });
}

// Looks again and again until an alarm, and tells of each look that found anything. A log that
// cannot be reached is told of once and asked again: whoever hides it must not silence its monitor.
Result<Report> follow(const MonitorOptions& options, const Context& context) {
  const auto tell = [&](const Report& report) {
    std::string text;
    if (context.json) text = report.json.dump() + "\n";
    for (const std::string& line : report.lines())
      if (!context.json) text += line + "\n";
    context.terminal.write(text);
  };
  for (bool away = false;;) {
    auto report = monitor(options);
    if (!report && report.error().kind != ErrorKind::incomplete) return report;
    if (report && report->outcome != Outcome::pass) return report;
    if (!report && !away) tell(Report().refusal(report.error()));
    if (report && (away || report->json["entries"] != 0)) tell(*report);
    away = !report;
    std::this_thread::sleep_for(std::chrono::seconds(options.every));
  }
}

}  // namespace

void add_ledger_keeping_commands(CommandLine& command_line, Command* group) {
  add_backup_commands(command_line, group);
  add_ending_commands(command_line, group);

  auto options = std::make_shared<MonitorOptions>();
  Command* verb = command_line.verb(
      group, "monitor", "Follow a log: alarm on rollback and split view, tell of watched entries",
      "attestctl ledger monitor https://log.example/a --key VKEY --state a.checkpoint \\\n"
      "    --subject sha256:5e0c… --expect 118:release.statement");
  verb->add_option("LOG", options->place, "A directory of tiles, or a log's URL")->required();
  verb->add_option("--key", options->key, "The log's verifier key")->required();
  verb->add_option("--witness", options->witnesses, "A witness's verifier key; repeatable")
      ->one_each_time();
  verb->add_option("--state", options->state, "Keeps the last checkpoint seen; made when missing")
      ->required();
  verb->add_option("--subject", options->subjects, "Tell of entries on this subject; repeatable")
      ->one_each_time();
  verb->add_option("--signer", options->signers,
                   "Tell of entries by the key of this thumbprint (hex); repeatable")
      ->one_each_time();
  verb->add_option("--expect", options->expected,
                   "INDEX:FILE, an entry the log promised to hold there; repeatable")
      ->one_each_time();
  verb->add_option("--ca-file", options->ca_file, "Trust these certificates for the URL (PEM)");
  verb->add_option("--every", options->every,
                   "Look again every so many seconds until an alarm; one look without")
      ->positive();
  command_line.runs(verb, [options](const Context& context) {
    return options->every > 0 ? follow(*options, context) : monitor(*options);
  });
}

}  // namespace attest::cli
