// attestctl ledger: receipt, verify-receipt: COSE receipts.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/passphrase.h"
#include "ledger/log.h"
#include "libattest/base/text.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/cose_receipt.h"
#include "libattest/transparency/note.h"

namespace attest::cli {

namespace {

using transparency::VerifierKey;

struct ReceiptOptions {
  std::string directory;
  std::uint64_t index = 0;
  std::optional<std::uint64_t> from;
  std::string key;
  std::string passphrase_file;
  std::vector<std::string> keys;
  std::string entry;
  std::string older;
  std::string older_root;
  std::string receipt;
  std::string output;
};

Result<Report> written(const Bytes& receipt, const std::string& output, Report report) {
  report.json["receipt"] = to_base64(receipt);
  if (output.empty()) {
    report.raw = attest::to_string(ByteView(receipt));
    return report;
  }
  TRY_VOID(write_file_atomically(output, receipt));
  report.line("receipt written to " + output);
  return report;
}

// A receipt is for the published checkpoint, which the log has signed: so no new promise is made.
Result<Report> make_receipt(const ReceiptOptions& options) {
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, open_signing_key(options.key, passphrase));
  ledger::LogPlace place;
  place.directory = options.directory;
  TRY(const auto log, ledger::Log::open_to_read(place));
  TRY(const VerifierKey verifier, VerifierKey::parse(log->verifier_key()));
  if (verifier.public_key() != key->public_key())
    return fail(refused(rules::log_key, "the key is not this log's")
                    .expected(log->verifier_key())
                    .within(options.key));
  TRY(const std::string note, log->checkpoint());
  TRY(const auto checkpoint,
      transparency::verify_checkpoint(as_bytes(note), {log->origin(), {verifier}, {}, 0}));
  Report report;
  if (options.from) {
    TRY(auto path, log->prove_consistency(*options.from, checkpoint.size()));
    TRY(const Bytes receipt,
        transparency::sign_consistency_receipt({*options.from, checkpoint.size(), std::move(path)},
                                               checkpoint.root(), log->origin(), *key));
    report.json = {{"older", *options.from}, {"size", checkpoint.size()}};
    return written(receipt, options.output, std::move(report));
  }
  TRY(auto proof, log->prove_inclusion(options.index, checkpoint.size()));
  TRY(const Bytes receipt,
      transparency::sign_inclusion_receipt({proof.size, proof.index, std::move(proof.path)},
                                           checkpoint.root(), log->origin(), std::nullopt, *key));
  report.json = {{"index", options.index}, {"size", checkpoint.size()}};
  return written(receipt, options.output, std::move(report));
}

// A key is a verifier key's text, or a file of a public key or certificate.
Result<PublicKey> public_key_of(const std::string& text) {
  if (const auto named = VerifierKey::parse(text); named && named->public_key())
    return *named->public_key();
  TRY(const Bytes content, read_file(text, 1U << 20));
  TRY_WITHIN(text, auto key, PublicKey::from_der_or_pem(content));
  return key;
}

Result<Sha256> older_root_of(const ReceiptOptions& options) {
  if (options.older.empty()) {
    TRY_WITHIN("--older-root", const Bytes bytes, from_base64(options.older_root));
    Sha256 root{};
    if (bytes.size() != root.size())
      return fail(usage_error("--older-root is no hash").expected("32 bytes in base64"));
    std::ranges::copy(bytes, root.begin());
    return root;
  }
  TRY(const Bytes note, read_file(options.older, transparency::max_note_size));
  TRY_WITHIN(options.older, const auto parsed, transparency::parse_note(note));
  TRY_WITHIN(options.older, const auto checkpoint, transparency::parse_checkpoint(parsed.text));
  return checkpoint.root;
}

void describe(Report& report, const cose::CwtClaims& claims, const Sha256& root) {
  if (claims.issuer) report.field("issuer", printable(*claims.issuer));
  if (claims.subject) report.field("subject", printable(*claims.subject));
  report.field("root", to_base64(root));
  report.json["issuer"] = claims.issuer ? OrderedJson(*claims.issuer) : OrderedJson();
  report.json["subject"] = claims.subject ? OrderedJson(*claims.subject) : OrderedJson();
  report.json["root"] = to_base64(root);
}

Result<Report> check_inclusion(const ReceiptOptions& options,
                               const transparency::UntrustedReceipt& receipt,
                               const PublicKey& key) {
  TRY(const Bytes entry, read_file(options.entry));
  TRY_WITHIN(options.receipt, const auto verified,
             transparency::verify_inclusion_receipt(receipt, transparency::leaf_hash(entry), key));
  Report report;
  report.line(options.entry + " is entry " + with_thousands(verified.claim().index) + " of " +
              with_thousands(verified.claim().size));
  report.json = {
      {"kind", "inclusion"}, {"index", verified.claim().index}, {"size", verified.claim().size}};
  describe(report, verified.claims(), verified.root());
  return report;
}

Result<Report> check_consistency(const ReceiptOptions& options,
                                 const transparency::UntrustedReceipt& receipt,
                                 const PublicKey& key) {
  TRY(const Sha256 older, older_root_of(options));
  TRY_WITHIN(options.receipt, const auto verified,
             transparency::verify_consistency_receipt(receipt, older, key));
  Report report;
  report.line("the first " + with_thousands(verified.claim().older) + " of " +
              with_thousands(verified.claim().newer) + " entries are the same in both trees");
  report.json = {{"kind", "consistency"},
                 {"older", verified.claim().older},
                 {"newer", verified.claim().newer}};
  describe(report, verified.claims(), verified.root());
  return report;
}

Result<Report> verify_receipt(const ReceiptOptions& options) {
  const bool consistency = !options.older.empty() || !options.older_root.empty();
  if (consistency != options.entry.empty())
    return fail(usage_error("name either the entry, or the older tree")
                    .next("--entry FILE, or --older CHECKPOINT or --older-root BASE64"));
  TRY(const Bytes content, read_file(options.receipt, 1U << 20));
  TRY_WITHIN(options.receipt, const auto receipt, transparency::parse_receipt(content));
  std::optional<Error> last;
  for (const std::string& text : options.keys) {
    TRY_WITHIN("--key", const PublicKey key, public_key_of(text));
    auto report = consistency ? check_consistency(options, receipt, key)
                              : check_inclusion(options, receipt, key);
    if (report) return report;
    last = std::move(report).error();
  }
  return fail(*std::move(last));
}

void add_make_receipt(CommandLine& command_line, Command* group) {
  Command* verb =
      command_line.verb(group, "receipt", "Sign a COSE receipt of an entry, or of a log's growth",
                        "attestctl ledger receipt ./log 118 --key log.key --output 118.receipt");
  auto options = std::make_shared<ReceiptOptions>();
  verb->add_option("DIR", options->directory, "The log's directory")->required();
  auto* index = verb->add_option("INDEX", options->index, "The entry's index");
  auto* from = verb->add_option("--from", options->from,
                                "A receipt of consistency instead, from a tree of this size");
  index->excludes(from);
  verb->add_option("--key", options->key, "The log's signing key: a file or a pkcs11: URI")
      ->required();
  verb->add_option("--passphrase-file", options->passphrase_file,
                   "Holds the key's passphrase in its first line");
  verb->add_option("--output", options->output, "Where to write it; standard output without");
  command_line.runs(verb, [options](const Context&) { return make_receipt(*options); });
}

}  // namespace

void add_ledger_receipt_commands(CommandLine& command_line, Command* group) {
  add_make_receipt(command_line, group);

  Command* verb = command_line.verb(
      group, "verify-receipt", "Check a COSE receipt of inclusion or consistency",
      "attestctl ledger verify-receipt --key log.pem --entry a.statement a.receipt");
  auto options = std::make_shared<ReceiptOptions>();
  verb->add_option("--key", options->keys,
                   "The log's key: a file (PEM, DER, certificate) or NAME+ID+KEY; repeatable")
      ->required()
      ->one_each_time();
  verb->add_option("--entry", options->entry, "The entry's bytes, for a receipt of inclusion");
  auto* older = verb->add_option("--older", options->older,
                                 "A checkpoint of the older tree, for one of consistency");
  verb->add_option("--older-root", options->older_root, "Its root in base64, instead")
      ->excludes(older);
  verb->add_option("RECEIPT", options->receipt, "The receipt")->required();
  command_line.runs(verb, [options](const Context&) { return verify_receipt(*options); });
}

}  // namespace attest::cli
