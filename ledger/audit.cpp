#include "ledger/audit.h"

#include "ledger/statement_audit.h"
#include "ledger/tree_audit.h"
#include "libattest/transparency/checkpoint.h"

namespace attest::ledger {

namespace {

using transparency::VerifiedCheckpoint;
using transparency::VerifierKey;

// 256 entries of the longest kind, each with its length.
constexpr std::uint64_t longest_file = tile_width * (max_entry_size + 2);
constexpr std::size_t longest_note = 1U << 20;

Result<transparency::LogVerifiers> verifiers_of(const AuditRequest& request) {
  TRY_WITHIN("log key", auto log, VerifierKey::parse(request.verifier_key));
  transparency::LogVerifiers verifiers{log.name(), {log}, {}, 0};
  for (const std::string& text : request.witness_keys) {
    auto witness = VerifierKey::parse(text);
    // A type this code does not know cannot be checked, and its lines are passed over.
    if (!witness && witness.error().rule == rules::vkey_type) continue;
    if (!witness) return fail(std::move(std::move(witness).error().within("witness key")));
    verifiers.witnesses.push_back(*std::move(witness));
  }
  return verifiers;
}

Finding checkpoint_finding(const Error& error) {
  Finding finding{Verdict::bad_signature, "checkpoint", {}, {}, error.to_string()};
  if (error.rule == rules::checkpoint_origin) {
    finding.verdict = Verdict::wrong_origin;
    finding.what = "this is another log's checkpoint: " + finding.what;
  } else if (error.rule == rules::note_form || error.rule == rules::note_limit ||
             error.rule == rules::note_signature_line || error.rule == rules::checkpoint_form) {
    finding.verdict = Verdict::corrupt;
    finding.what = "the checkpoint was torn or altered: " + finding.what;
  } else {
    finding.what = "the log's key did not sign this checkpoint: " + finding.what;
  }
  return finding;
}

// A log is one of ours when its last entry is a map root that its key signed.
Result<bool> is_ours(TileSource& source, std::uint64_t size, const VerifierKey& log_key) {
  if (size == 0) return false;
  const std::uint64_t number = (size - 1) / tile_width;
  const unsigned width = transparency::width_in_tree(0, number, size);
  TRY(const auto file, source.read(transparency::tile_path({0, number, width, true})));
  if (!file) return false;
  const auto entries = transparency::parse_bundle(*file, width);
  return entries && read_map_root(entries->back(), log_key).has_value();
}

void describe(AuditReport& report, const VerifiedCheckpoint& checkpoint) {
  report.size = checkpoint.size();
  report.root = checkpoint.root();
  report.cosignatures = checkpoint.cosignatures().size();
  for (const auto& cosignature : checkpoint.cosignatures())
    report.cosignature_times.push_back(cosignature.time);
}

}  // namespace

Result<std::optional<Bytes>> DirectorySource::read(const std::string& path) {
  TRY(const bool there, system_files().exists(directory_ / path));
  if (!there) return std::optional<Bytes>{};
  TRY(Bytes content, read_file(directory_ / path, longest_file));
  return content;
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::corrupt:
      return "corrupt";
    case Verdict::missing:
      return "missing";
    case Verdict::bad_signature:
      return "bad-signature";
    case Verdict::wrong_origin:
      return "wrong-origin";
    case Verdict::equivocation:
      return "equivocation";
  }
  return "unknown";
}

Result<AuditReport> audit(TileSource& source, const AuditRequest& request) {
  TRY(const auto verifiers, verifiers_of(request));
  const VerifierKey& log_key = verifiers.log_keys.front();
  AuditReport report;
  report.origin = verifiers.origin;
  TreeAudit refusal(source, {}, report, request.max_findings);

  TRY(const auto note, source.read("checkpoint"));
  if (!note || note->size() > longest_note) {
    refusal.found({Verdict::missing, "checkpoint", {}, {}, "the log has no checkpoint"});
    return report;
  }
  report.checkpoint = attest::to_string(ByteView(*note));
  const auto checkpoint = transparency::verify_checkpoint(*note, verifiers);
  if (!checkpoint) {
    refusal.found(checkpoint_finding(checkpoint.error()));
    report.not_checked.emplace_back(
        "entries and tiles: there is no checkpoint to hold them against");
    return report;
  }
  describe(report, *checkpoint);

  TreeAudit tree(source, {checkpoint->size(), checkpoint->root(), "checkpoint"}, report,
                 request.max_findings);
  StatementAudit statements(log_key, request.trust, report,
                            [&tree](Finding finding) { tree.found(std::move(finding)); });
  TRY(const bool ours, is_ours(source, checkpoint->size(), log_key));
  TRY_VOID(tree.run(
      [&](std::uint64_t index, ByteView entry, const Sha256& leaf) {
        if (ours) statements.take(index, entry, leaf);
      },
      [&](std::uint64_t done) {
        if (request.progress) request.progress(done, checkpoint->size());
      }));
  report.subjects = statements.map().subjects();
  if (!ours && checkpoint->size() > 0)
    report.not_checked.emplace_back(
        "subject map and statements: the last entry is no map root of this log's key");
  else if (request.trust == nullptr)
    report.not_checked.emplace_back("signatures of statements: no trust root was given");
  return report;
}

}  // namespace attest::ledger
