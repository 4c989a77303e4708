// attestctl lineage bundle: a model's newest proof bundle, from a ledger's server or from a log on
// this machine.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_subject.h"
#include "cli/submission.h"
#include "ledger/log.h"
#include "libattest/lineage/bundle.h"
#include "libattest/model/block_tree.h"
#include "libattest/transparency/note.h"

namespace attest::cli {

namespace {

struct BundleOptions {
  ServerOptions server;
  std::string file;
  std::string log;
  std::vector<std::string> witnesses;
};

// Adds the cosignature of a witness whose key lies on this machine: "NAME=KEY".
Status cosign(std::string& checkpoint, const std::string& witness, Time now) {
  const std::size_t equals = witness.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(usage_error("--witness takes NAME=KEY, not \"" + witness + "\""));
  TRY(const auto key, open_signing_key(witness.substr(equals + 1), {}));
  TRY(const auto signer,
      transparency::NoteSigner::make(witness.substr(0, equals),
                                     transparency::NoteKeyType::cosignature_v1, *key));
  TRY(auto note, transparency::parse_note(as_bytes(checkpoint)));
  TRY(auto signature, signer.sign(note.text, now));
  note.signatures.push_back(std::move(signature));
  checkpoint = transparency::format_note(note);
  return {};
}

Status bundle_of_log(const BundleOptions& options, const statement::Subject& subject, Time now) {
  ledger::LogPlace place;
  place.directory = options.log;
  TRY(const auto log, ledger::Log::open_to_read(place));
  TRY(const Bytes bytes, log->make_bundle(subject.text()));
  TRY(auto bundle, lineage::decode_bundle(bytes));
  for (const std::string& witness : options.witnesses)
    TRY_VOID(cosign(bundle.checkpoint, witness, now));
  return write_beside(options.file, lineage::encode_bundle(bundle));
}

Result<Report> fetch_bundle(const BundleOptions& options, Time now) {
  if (options.server.url.empty() == options.log.empty())
    return fail(
        usage_error("a bundle comes from a ledger: name one, with --server URL or with --log DIR"));
  if (!options.witnesses.empty() && options.log.empty())
    return fail(usage_error("--witness cosigns a log on this machine: it goes with --log"));
  TRY(const auto subject, subject_of_path(options.file));
  if (options.log.empty())
    TRY_VOID(write_bundle(options.server, options.file, subject, {}));
  else
    TRY_VOID(bundle_of_log(options, subject, now));
  const bool directory = std::filesystem::is_directory(options.file);
  Report report;
  report.line(options.file + ".attest/: bundle.cbor" + (directory ? "" : " and tree") +
              ", as of the newest checkpoint");
  report.json = {{"bundle", options.file + ".attest/bundle.cbor"}, {"subject", subject.text()}};
  return report;
}

}  // namespace

void add_lineage_bundle_command(CommandLine& command_line, Command* group) {
  Command* verb =
      command_line.verb(group, "bundle", "Write a model's newest proof bundle beside it",
                        "attestctl lineage bundle tiny-q8.gguf --server https://127.0.0.1:8443\n"
                        "  attestctl lineage bundle tiny-q8.gguf --log ./log \\\n"
                        "    --witness witness.lab.example=witness.key");
  auto fetched = std::make_shared<BundleOptions>();
  verb->add_option("FILE", fetched->file, "The model: a file, or its directory")->required();
  add_server_options(verb, fetched->server);
  verb->add_option("--log", fetched->log, "A log on this machine, instead of a server");
  verb->add_option("--witness", fetched->witnesses,
                   "NAME=KEY: cosign the checkpoint with a witness key of your own; worth as much "
                   "as this machine; may be repeated");
  command_line.runs(
      verb, [fetched](const Context& context) { return fetch_bundle(*fetched, context.now); });
}

}  // namespace attest::cli
