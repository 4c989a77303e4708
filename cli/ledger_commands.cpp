// attestctl ledger: init, show, add, get, find, prove, export, fsck: a log of one's own on disk.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/passphrase.h"
#include "ledger/fsck.h"
#include "ledger/log.h"
#include "ledger/publication.h"
#include "ledger/witnessing.h"
#include "libattest/base/text.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/tlog_proof.h"

namespace attest::cli {

namespace {

struct LogOptions {
  std::string directory;
  std::string origin;
  std::string key;
  std::string passphrase_file;
  std::vector<std::string> files;
  std::uint64_t index = 0;
  std::string field = "subject";
  std::string text;
  std::string output;
  std::string store;
  bool join = false;
};
using Options = std::shared_ptr<LogOptions>;

ledger::LogPlace place_of(const LogOptions& options) {
  ledger::LogPlace place;
  place.directory = options.directory;
  return place;
}

Result<std::shared_ptr<const SigningKey>> key_of(const LogOptions& options) {
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(auto key, open_signing_key(options.key, passphrase));
  return std::shared_ptr<const SigningKey>(std::move(key));
}

Result<Report> init(const LogOptions& options) {
  TRY(auto key, key_of(options));
  ledger::LogPlace place = place_of(options);
  place.store = options.store;
  TRY(const auto log, options.join
                          ? ledger::Log::join(std::move(place), options.origin, std::move(key))
                          : ledger::Log::init(std::move(place), options.origin, std::move(key)));
  Report report;
  report.line(options.directory + (options.join ? ": joins the log" : ": a new log, empty"));
  report.field("origin", log->origin());
  report.field("key", log->verifier_key());
  report.line("Name this key under [[log]] in the trust root. Keep the file signing-floor");
  report.line("apart from backups: it is what notices an old database.");
  report.json = {{"origin", log->origin()}, {"verifier_key", log->verifier_key()}};
  return report;
}

Result<Report> show(const LogOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options)));
  TRY(const ledger::Head head, log->head());
  TRY(const std::string note, log->checkpoint());
  TRY(const auto parsed, transparency::parse_note(as_bytes(note)));
  TRY(const auto checkpoint, transparency::parse_checkpoint(parsed.text));
  Report report;
  report.line(log->origin());
  report.field("key", log->verifier_key());
  report.field("entries", with_thousands(head.size) + ", " + with_thousands(checkpoint.size) +
                              " of them under the published checkpoint");
  report.field("root", to_base64(head.root));
  report.field("subjects", with_thousands(head.map_subjects));
  report.field("signatures", std::to_string(parsed.signatures.size()) + " on the checkpoint");
  report.json = {{"origin", log->origin()},
                 {"verifier_key", log->verifier_key()},
                 {"size", head.size},
                 {"published_size", checkpoint.size},
                 {"root", to_base64(head.root)},
                 {"subjects", head.map_subjects},
                 {"checkpoint", note}};
  return report;
}

Result<Report> add(const LogOptions& options, Time now) {
  TRY(auto key, key_of(options));
  std::vector<Bytes> entries;
  for (const std::string& file : options.files) {
    TRY(Bytes entry, read_file(file, ledger::max_entry_size));
    entries.push_back(std::move(entry));
  }
  TRY(const auto log, ledger::Log::open(place_of(options), std::move(key)));
  TRY(const auto added, log->add(entries));
  // Without witnesses: whoever relies on this log's time needs verifierd, which asks them.
  TRY(const auto published, ledger::publish_checkpoint(*log, now, {}, 0));
  Report report;
  report.json["entries"] = OrderedJson::array();
  for (std::size_t i = 0; i < added.size(); ++i) {
    report.line("entry " + with_thousands(added[i].index) + "  " + options.files[i] +
                (added[i].already_there ? "  (was there already)" : ""));
    report.json["entries"].push_back({{"file", options.files[i]},
                                      {"index", added[i].index},
                                      {"duplicate", added[i].already_there}});
  }
  report.json["checkpoint"] = published.note;
  return report;
}

Result<Report> get(const LogOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options)));
  TRY(const Bytes entry, log->get(options.index));
  Report report;
  report.json = {{"index", options.index}, {"entry", to_base64(entry)}};
  if (options.output.empty()) {
    report.raw = attest::to_string(ByteView(entry));
    return report;
  }
  TRY_VOID(write_file_atomically(options.output, entry));
  report.line("entry " + with_thousands(options.index) + " written to " + options.output);
  return report;
}

Result<ledger::Field> field_of(std::string_view name) {
  if (name == "subject") return ledger::Field::subject;
  if (name == "issuer") return ledger::Field::issuer;
  if (name == "kind") return ledger::Field::kind;
  return ledger::Field::parent;
}

Result<Report> find(const LogOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options)));
  std::vector<std::uint64_t> indexes;
  if (options.field == "digest") {
    TRY(const Sha256 digest, parse_digest_uri(options.text));
    TRY(const auto index, log->find_digest(digest));
    if (index) indexes.push_back(*index);
  } else {
    TRY(const ledger::Field field, field_of(options.field));
    TRY(indexes, log->find(field, options.text));
  }
  Report report;
  report.json["indexes"] = indexes;
  for (const std::uint64_t index : indexes) report.line("entry " + with_thousands(index));
  if (indexes.empty()) report.line("no entry with this " + options.field);
  return report;
}

Result<Report> prove(const LogOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options)));
  TRY(const std::string note, log->checkpoint());
  TRY(const auto parsed, transparency::parse_note(as_bytes(note)));
  TRY(const auto checkpoint, transparency::parse_checkpoint(parsed.text));
  TRY(auto proof, log->prove_inclusion(options.index, checkpoint.size));
  const transparency::TlogProof tlog_proof{
      .extra = {}, .index = options.index, .path = std::move(proof.path), .checkpoint = note};
  const std::string text = transparency::format_tlog_proof(tlog_proof);
  Report report;
  report.json = {{"index", options.index}, {"proof", text}};
  if (options.output.empty()) {
    report.raw = text;
    return report;
  }
  TRY_VOID(write_file_atomically(options.output, as_bytes(text)));
  report.line("proof of entry " + with_thousands(options.index) + " written to " + options.output);
  return report;
}

Result<Report> export_to(const LogOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options)));
  TRY(const std::string note, log->checkpoint());
  TRY(const auto parsed, transparency::parse_note(as_bytes(note)));
  TRY(const auto checkpoint, transparency::parse_checkpoint(parsed.text));
  TRY_VOID(ledger::export_log(log->store(), note, checkpoint.size, system_files(), options.output));
  Report report;
  report.line(options.output + ": " + with_thousands(checkpoint.size) +
              " entries, for any web server");
  report.line("Check it anywhere: attestctl ledger audit " + options.output);
  report.json = {{"directory", options.output}, {"size", checkpoint.size}};
  return report;
}

Result<Report> fsck(const LogOptions& options) {
  TRY(const auto log, ledger::Log::open_to_read(place_of(options)));
  TRY(const auto found, ledger::fsck(log->store()));
  Report report;
  report.line(log->origin() + "   " + with_thousands(found.size) + " entries in the database");
  report.json = {{"verdict", ledger::to_string(found.verdict)},
                 {"size", found.size},
                 {"findings", OrderedJson::array()}};
  for (const ledger::Finding& finding : found.findings) {
    report.field(finding.entry ? "entry " + with_thousands(*finding.entry) : finding.file,
                 finding.what);
    report.json["findings"].push_back(
        {{"verdict", ledger::to_string(finding.verdict)},
         {"file", finding.file},
         {"entry", finding.entry ? OrderedJson(*finding.entry) : OrderedJson()},
         {"what", finding.what}});
  }
  if (found.verdict != ledger::Verdict::ok) report.outcome = Outcome::refused;
  report.line("verdict: " + std::string(ledger::to_string(found.verdict)));
  return report;
}

void add_directory(Command* verb, const Options& options) {
  verb->add_option("DIR", options->directory, "The log's directory")->required();
}
void add_key(Command* verb, const Options& options) {
  verb->add_option("--key", options->key, "The log's signing key: a file or a pkcs11: URI")
      ->required();
  verb->add_option("--passphrase-file", options->passphrase_file,
                   "Holds the key's passphrase in its first line");
}

}  // namespace

void add_ledger_commands(CommandLine& command_line, Command* group) {
  const auto verb = [&](const char* name, const char* what, const char* example,
                        Result<Report> (*run)(const LogOptions&)) {
    auto options = std::make_shared<LogOptions>();
    Command* added = command_line.verb(group, name, what, example);
    add_directory(added, options);
    command_line.runs(added, [options, run](const Context&) { return run(*options); });
    return std::pair(added, options);
  };

  auto [made, init_options] = verb(
      "init", "Make a new log in a directory",
      "attestctl ledger init /var/lib/attest/log --origin dc1.example/log --key log.key", init);
  made->add_option("--origin", init_options->origin, "The log's name, for ever")->required();
  add_key(made, init_options);
  made->add_option("--store", init_options->store,
                   "postgresql://HOST,HOST/DATABASE instead of a file; the password in PGPASSFILE");
  made->add_flag("--join", init_options->join,
                 "Share the log that another machine made in this database");

  verb("show", "Show a log's name, key and size", "attestctl ledger show /var/lib/attest/log",
       show);

  auto options = std::make_shared<LogOptions>();
  Command* added = command_line.verb(group, "add", "Enter statements and publish a checkpoint",
                                     "attestctl ledger add ./log release.statement --key log.key");
  add_directory(added, options);
  added->add_option("FILE", options->files, "Signed statements or DSSE envelopes")->required();
  add_key(added, options);
  command_line.runs(added,
                    [options](const Context& context) { return add(*options, context.now); });

  auto [got, get_options] = verb("get", "Write out one entry",
                                 "attestctl ledger get ./log 118 --output 118.statement", get);
  got->add_option("INDEX", get_options->index, "The entry's index")->required();
  got->add_option("--output", get_options->output, "Where to write it; standard output without");

  auto [found, find_options] =
      verb("find", "Find entries by subject, issuer, kind, parent or digest",
           "attestctl ledger find ./log sha256:5e0c…", find);
  found->add_option("TEXT", find_options->text, "What to look for")->required();
  found
      ->add_option("--by", find_options->field,
                   "subject (the default), issuer, kind, parent, or the entry's own digest")
      ->one_of({"subject", "issuer", "kind", "parent", "digest"});

  auto [proved, prove_options] =
      verb("prove", "Write a C2SP tlog-proof of one entry",
           "attestctl ledger prove ./log 118 --output 118.tlog-proof", prove);
  proved->add_option("INDEX", prove_options->index, "The entry's index")->required();
  proved->add_option("--output", prove_options->output,
                     "Where to write it; standard output without");

  auto [exported, export_options] =
      verb("export", "Write the log as static tiles",
           "attestctl ledger export ./log --output ./export", export_to);
  exported->add_option("--output", export_options->output, "An empty or new directory")->required();

  verb("fsck", "Check the database itself, entry by entry",
       "attestctl ledger fsck /var/lib/attest/log", fsck);
}

}  // namespace attest::cli
