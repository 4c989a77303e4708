#include "cli/custody_log.h"

#include <map>

#include "ledger/tree_audit.h"
#include "libattest/transparency/note.h"

namespace attest::cli {

namespace {

struct Kept {
  std::uint64_t index;
  statement::UntrustedStatement statement;
};

// The earliest index from which a key no longer counts, by key statuses that count themselves.
std::map<Sha256, std::uint64_t> key_ends(const std::vector<Kept>& statuses,
                                         const TrustRoot& trust) {
  std::map<Sha256, std::uint64_t> ends;
  for (const Kept& each : statuses) {
    EntryStanding standing{.index = each.index, .key_ends_at = {}};
    if (const auto ended = ends.find(each.statement.signer()); ended != ends.end())
      standing.key_ends_at = ended->second;
    if (!authorize(each.statement, trust, standing)) continue;
    const auto* status = each.statement.as<statement::KeyStatus>();
    const auto key = each.statement.subject().digest();
    if (status == nullptr || !key) continue;
    const auto [end, first] = ends.emplace(*key, status->from_index);
    if (!first) end->second = std::min(end->second, status->from_index);
  }
  return ends;
}

Result<transparency::VerifiedCheckpoint> checkpoint_of(ledger::TileSource& source,
                                                       const TrustRoot& trust) {
  TRY(const auto note, source.read("checkpoint"));
  if (!note)
    return fail(incomplete(rules::file_unreadable, "the log has no checkpoint")
                    .next("export it with: attestctl ledger export"));
  TRY_WITHIN("checkpoint", const auto parsed, transparency::parse_note(*note));
  TRY_WITHIN("checkpoint", const auto claimed, transparency::parse_checkpoint(parsed.text));
  TRY(const auto verifiers, trust.log_verifiers(claimed.origin));
  TRY_WITHIN("checkpoint", auto verified, transparency::verify_checkpoint(*note, verifiers));
  return verified;
}

}  // namespace

std::unique_ptr<ledger::TileSource> open_published_log(const std::string& folder) {
  return std::make_unique<ledger::DirectorySource>(folder);
}

Result<DeviceRecord> read_device_record(ledger::TileSource& source,
                                        const statement::Subject& device, const TrustRoot& trust) {
  TRY(const auto checkpoint, checkpoint_of(source, trust));
  ledger::AuditReport audit;
  ledger::TreeAudit tree(source, {checkpoint.size(), checkpoint.root(), "checkpoint"}, audit, 10);
  std::vector<transparency::Hash> leaves;
  std::vector<Kept> about;
  std::vector<Kept> statuses;
  TRY_VOID(tree.run(
      [&](std::uint64_t index, ByteView entry, const Sha256& leaf) {
        leaves.push_back(leaf);
        auto statement = statement::parse_statement(entry);
        if (!statement) return;  // of another kind, such as a foreign envelope
        if (statement->kind() == statement::Kind::key_status)
          statuses.push_back({index, *std::move(statement)});
        else if (statement->subject() == device)
          about.push_back({index, *std::move(statement)});
      },
      [](std::uint64_t) {}));
  if (!audit.findings.empty())
    return fail(refused(rules::statement_inclusion, "the log is not what its checkpoint says")
                    .found(audit.findings.front().what)
                    .next("audit it with: attestctl ledger audit")
                    .within(audit.findings.front().file));

  DeviceRecord record;
  record.origin = checkpoint.origin();
  record.size = checkpoint.size();
  const auto ends = key_ends(statuses, trust);
  const transparency::NodeReader nodes = [&](unsigned level,
                                             std::uint64_t at) -> Result<transparency::Hash> {
    const std::size_t width = std::size_t{1} << level;
    return transparency::root_of(std::span(leaves).subspan(at * width, width));
  };
  for (const Kept& each : about) {
    EntryStanding standing{.index = each.index, .key_ends_at = {}};
    if (const auto ended = ends.find(each.statement.signer()); ended != ends.end())
      standing.key_ends_at = ended->second;
    const auto authorized = authorize(each.statement, trust, standing);
    if (!authorized) {
      record.without_effect.push_back(
          Error(authorized.error()).within("entry " + std::to_string(each.index)));
      continue;
    }
    TRY(const auto path, transparency::prove_inclusion(each.index, leaves.size(), nodes));
    TRY(auto proven, hardware::prove_statement(*authorized, checkpoint, path));
    record.statements.push_back(std::move(proven));
  }
  return record;
}

}  // namespace attest::cli
