// attestctl ledger: verify-note, verify-proof, verify-consistency, audit: anyone's log, offline.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/log_source.h"
#include "cli/trust_file.h"
#include "ledger/audit.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/tlog_proof.h"

namespace attest::cli {

namespace {

using transparency::VerifierKey;

Result<std::vector<VerifierKey>> parse_keys(const std::vector<std::string>& texts) {
  std::vector<VerifierKey> keys;
  for (const std::string& text : texts) {
    TRY_WITHIN("--key", VerifierKey key, VerifierKey::parse(text));
    keys.push_back(std::move(key));
  }
  return keys;
}

struct NoteOptions {
  std::vector<std::string> keys;
  std::string file;
};

Result<Report> verify_note(const NoteOptions& options) {
  TRY(const auto keys, parse_keys(options.keys));
  TRY(const Bytes content, read_file(options.file, transparency::max_note_size));
  TRY_WITHIN(options.file, const auto note, transparency::parse_note(content));
  TRY_WITHIN(options.file, const auto verified, transparency::verify_note(note, keys));
  Report report;
  report.line(options.file + ": signed");
  report.json["verified"] = OrderedJson::array();
  for (const auto& signer : verified.signers()) {
    report.field(signer.key.name(),
                 to_hex(signer.key.id()) + (signer.time ? ", " + to_minutes(*signer.time) : ""));
    report.json["verified"].push_back(signer.key.label());
  }
  const std::size_t others =
      note.signatures.size() - std::min(note.signatures.size(), verified.signers().size());
  if (others != 0)
    report.line("not checked: " + std::to_string(others) + " signatures by keys not given");
  report.json["not_checked"] = others;
  return report;
}

struct ProofOptions {
  std::string policy;
  std::string entry;
  std::string proof;
};

Result<Report> verify_proof(const ProofOptions& options) {
  TRY(const std::string policy_text, read_text_file(options.policy, 1U << 20));
  TRY_WITHIN(options.policy, const auto policy, transparency::parse_witness_policy(policy_text));
  TRY(const Bytes entry, read_file(options.entry));
  TRY(const Bytes proof_text, read_file(options.proof, 1U << 20));
  TRY_WITHIN(options.proof, const auto proof, transparency::parse_tlog_proof(proof_text));
  TRY_WITHIN(options.proof, const auto verified,
             transparency::verify_tlog_proof(proof, transparency::leaf_hash(entry), policy));
  Report report;
  report.line(options.entry + " is entry " + with_thousands(verified.index()) + " of " +
              verified.checkpoint().origin());
  report.field("checkpoint", with_thousands(verified.checkpoint().size()) + " entries, " +
                                 std::to_string(verified.checkpoint().cosignatures().size()) +
                                 " witnesses");
  report.json = {{"index", verified.index()},
                 {"origin", verified.checkpoint().origin()},
                 {"size", verified.checkpoint().size()},
                 {"root", to_base64(verified.checkpoint().root())},
                 {"cosignatures", verified.checkpoint().cosignatures().size()}};
  return report;
}

struct ConsistencyOptions {
  std::string key;
  std::string older;
  std::string newer;
  std::string proof;
};

Result<transparency::VerifiedCheckpoint> checkpoint_of(const std::string& file,
                                                       const VerifierKey& key) {
  TRY(const Bytes note, read_file(file, transparency::max_note_size));
  const transparency::LogVerifiers verifiers{
      .origin = key.name(), .log_keys = {key}, .witnesses = {}, .quorum = 0};
  TRY_WITHIN(file, auto checkpoint, transparency::verify_checkpoint(note, verifiers));
  return checkpoint;
}

Result<std::vector<Sha256>> proof_lines(const std::string& file) {
  TRY(const std::string text, read_text_file(file, 1U << 16));
  std::vector<Sha256> hashes;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    TRY_WITHIN(file, const Bytes hash, from_base64(line));
    if (hash.size() != 32)
      return fail(refused(rules::tree_path_length, "a line is no hash")
                      .expected("32 bytes in base64")
                      .within(file));
    Sha256 value{};
    std::ranges::copy(hash, value.begin());
    hashes.push_back(value);
  }
  return hashes;
}

Result<Report> verify_consistency(const ConsistencyOptions& options) {
  TRY_WITHIN("--key", const VerifierKey key, VerifierKey::parse(options.key));
  TRY(const auto older, checkpoint_of(options.older, key));
  TRY(const auto newer, checkpoint_of(options.newer, key));
  TRY(const auto path, proof_lines(options.proof));
  const Status continues = transparency::verify_consistency(older.size(), older.root(),
                                                            newer.size(), newer.root(), path);
  if (!continues) return fail(Error(continues.error()).within(options.proof));
  Report report;
  report.line("the first " + with_thousands(older.size()) + " of " + with_thousands(newer.size()) +
              " entries are the same in both");
  report.json = {{"older", older.size()}, {"newer", newer.size()}};
  return report;
}

struct AuditOptions {
  std::string place;
  std::string ca_file;
  std::string key;
  std::string trust;
};

struct Keys {
  std::string log;
  std::vector<std::string> witnesses;
  std::optional<TrustRoot> trust;
};

// Whom to believe: --key alone, or the trust root's log of the checkpoint's origin.
Result<Keys> keys_for(const AuditOptions& options, ledger::TileSource& source) {
  if (!options.key.empty() && options.trust.empty()) return Keys{options.key, {}, {}};
  TRY(TrustRoot trust, load_trust(options.trust));
  Keys keys{options.key, {}, {}};
  if (keys.log.empty()) {
    TRY(const auto note, source.read("checkpoint"));
    if (!note)
      return fail(
          incomplete(rules::file_unreadable, "there is no checkpoint").within(options.place));
    TRY(const auto parsed, transparency::parse_note(*note));
    TRY(const auto checkpoint, transparency::parse_checkpoint(parsed.text));
    TRY(const auto verifiers, trust.log_verifiers(checkpoint.origin));
    keys.log = verifiers.log_keys.front().to_string();
    for (const VerifierKey& witness : verifiers.witnesses)
      keys.witnesses.push_back(witness.to_string());
  }
  keys.trust = std::move(trust);
  return keys;
}

void describe(Report& report, const ledger::AuditReport& found, const Keys& keys) {
  report.line(found.origin + "   size " + with_thousands(found.size));
  const bool ok = found.verdict == ledger::Verdict::ok;
  report.field("entries", with_thousands(found.entries) + " read and hashed, " +
                              with_thousands(found.tiles) + " tiles");
  if (ok) report.field("tree", "recomputed, root agrees");
  if (ok)
    report.field("signatures", "log key ok; " + std::to_string(found.cosignatures) + " of " +
                                   std::to_string(keys.witnesses.size()) + " witnesses ok");
  if (ok && found.map_roots != 0)
    report.field("subject map", with_thousands(found.subjects) + " subjects, " +
                                    with_thousands(found.map_roots) +
                                    " roots recomputed, nothing hidden");
  if (found.statements != 0)
    report.field("statements", with_thousands(found.statements) + " parsed, " +
                                   with_thousands(found.signatures) + " signatures ok, " +
                                   with_thousands(found.may_not_speak) +
                                   " by keys that may not speak");
  for (const ledger::Finding& finding : found.findings) {
    std::string place = finding.file;
    if (finding.byte) place += ", byte " + with_thousands(*finding.byte);
    if (finding.entry) place += ", entry " + with_thousands(*finding.entry);
    report.field(ledger::to_string(finding.verdict), place + "\n" + finding.what);
  }
  for (const std::string& line : found.not_checked) report.field("not checked", line);
  report.line("verdict: " + std::string(ledger::to_string(found.verdict)));
}

Result<Report> audit(const AuditOptions& options, const Context& context) {
  TRY(const auto source, open_log_source(options.place, options.ca_file));
  TRY(const Keys keys, keys_for(options, *source));
  ledger::AuditRequest request;
  request.verifier_key = keys.log;
  request.witness_keys = keys.witnesses;
  request.trust = keys.trust ? &*keys.trust : nullptr;
  request.progress = [&](std::uint64_t done, std::uint64_t total) {
    context.terminal.progress(with_thousands(done) + " entries", done, total);
  };
  TRY(const ledger::AuditReport found, ledger::audit(*source, request));
  Report report;
  report.outcome = found.verdict == ledger::Verdict::ok        ? Outcome::pass
                   : found.verdict == ledger::Verdict::missing ? Outcome::incomplete
                                                               : Outcome::refused;
  report.json = {{"verdict", ledger::to_string(found.verdict)},
                 {"origin", found.origin},
                 {"size", found.size},
                 {"root", to_base64(found.root)},
                 {"entries", found.entries},
                 {"tiles", found.tiles},
                 {"cosignatures", found.cosignatures},
                 {"map_roots", found.map_roots},
                 {"subjects", found.subjects},
                 {"statements", found.statements},
                 {"signatures", found.signatures},
                 {"may_not_speak", found.may_not_speak},
                 {"findings", OrderedJson::array()},
                 {"not_checked", found.not_checked}};
  for (const ledger::Finding& finding : found.findings)
    report.json["findings"].push_back(
        {{"verdict", ledger::to_string(finding.verdict)},
         {"file", finding.file},
         {"byte", finding.byte ? OrderedJson(*finding.byte) : OrderedJson()},
         {"entry", finding.entry ? OrderedJson(*finding.entry) : OrderedJson()},
         {"what", finding.what}});
  describe(report, found, keys);
  return report;
}

}  // namespace

void add_ledger_check_commands(CommandLine& command_line, Command* group) {
  Command* verb =
      command_line.verb(group, "verify-note", "Check the signatures of a signed note",
                        "attestctl ledger verify-note --key \"$(cat log.vkey)\" checkpoint");
  auto note = std::make_shared<NoteOptions>();
  verb->add_option("--key", note->keys, "A verifier key, NAME+ID+KEY; may be given several times")
      ->required()
      ->one_each_time();
  verb->add_option("FILE", note->file, "The note")->required();
  command_line.runs(verb, [note](const Context&) { return verify_note(*note); });

  verb = command_line.verb(
      group, "verify-proof", "Check a tlog-proof of one entry",
      "attestctl ledger verify-proof --policy log.policy --entry a.statement a.tlog-proof");
  auto proof = std::make_shared<ProofOptions>();
  verb->add_option("--policy", proof->policy,
                   "Witness policy file (log, witness, group, quorum lines)")
      ->required();
  verb->add_option("--entry", proof->entry, "The entry's bytes")->required();
  verb->add_option("PROOF", proof->proof, "The proof")->required();
  command_line.runs(verb, [proof](const Context&) { return verify_proof(*proof); });

  verb = command_line.verb(
      group, "verify-consistency", "Check that one checkpoint continues another",
      "attestctl ledger verify-consistency --key VKEY old.checkpoint new.checkpoint path.txt");
  auto consistency = std::make_shared<ConsistencyOptions>();
  verb->add_option("--key", consistency->key, "The log's verifier key")->required();
  verb->add_option("OLDER", consistency->older, "The older checkpoint")->required();
  verb->add_option("NEWER", consistency->newer, "The newer checkpoint")->required();
  verb->add_option("PROOF", consistency->proof, "Its consistency path, one base64 hash a line")
      ->required();
  command_line.runs(verb,
                    [consistency](const Context&) { return verify_consistency(*consistency); });

  verb = command_line.verb(group, "audit", "Recompute a published log from its entries up",
                           "attestctl ledger audit ./export --trust trust.toml");
  auto audited = std::make_shared<AuditOptions>();
  verb->add_option("LOG", audited->place,
                   "A directory of tiles (attestctl ledger export, or a mirror), or a log's URL")
      ->required();
  verb->add_option("--ca-file", audited->ca_file, "Trust these certificates for the URL (PEM)");
  verb->add_option("--key", audited->key, "The log's verifier key; from the trust root without");
  add_trust_option(verb, audited->trust);
  command_line.runs(verb, [audited](const Context& context) { return audit(*audited, context); });
}

}  // namespace attest::cli
