#include "libattest/lineage/training_node.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/result/attestation_result.h"

namespace attest::lineage {

namespace {

using result::TrustLevel;

std::vector<result::ResultSigner> signers_of(const TrustRoot& trust) {
  std::vector<result::ResultSigner> signers;
  for (const auto& verifier : trust.verifiers()) signers.push_back({verifier.name, verifier.key});
  return signers;
}

// The best level at which anything was affirmed.
std::optional<TrustLevel> best_affirmed(const result::Ear& ear) {
  std::optional<TrustLevel> best;
  for (const auto& [name, submod] : ear.submods) {
    if (submod.status != result::Tier::affirming || !submod.trust_level) continue;
    if (!best || at_least(*submod.trust_level, *best)) best = submod.trust_level;
  }
  return best;
}

Result<TrustLevel> level_of(const statement::TrainingHardware& hardware,
                            const statement::TrainingRun& run,
                            std::span<const result::ResultSigner> signers) {
  if (hardware.result.empty())
    return fail(incomplete(rules::training_no_result, "the run holds no attestation result of it"));
  TRY(const auto parsed, result::parse_result(hardware.result));
  const Time at = std::max(run.started, parsed.ear().issued_at);
  if (at > run.finished)
    return fail(refused(rules::training_result_time, "its result was issued after the run ended")
                    .expected("at most " + to_rfc3339(run.finished))
                    .found(to_rfc3339(at)));
  TRY(const auto verified, result::verify_result(parsed, signers, at));
  if (verified.ear().subject != hardware.node)
    return fail(refused(rules::training_other_node, "its result is about another node")
                    .expected(printable(hardware.node))
                    .found(printable(verified.ear().subject)));
  const auto level = best_affirmed(verified.ear());
  if (verified.ear().verdict != result::Verdict::pass || !level)
    return fail(refused(rules::training_not_affirmed, "its result affirms nothing"));
  return *level;
}

}  // namespace

bool at_least(TrustLevel level, TrustLevel wanted) {
  return static_cast<int>(level) <= static_cast<int>(wanted);
}

std::vector<TrainingNode> training_nodes(const statement::TrainingRun& run,
                                         const TrustRoot& trust) {
  const auto signers = signers_of(trust);
  std::vector<TrainingNode> nodes;
  for (const statement::TrainingHardware& hardware : run.hardware) {
    TrainingNode node{hardware.node, {}, {}};
    if (auto level = level_of(hardware, run, signers)) {
      node.level = *level;
    } else {
      node.why = std::move(level).error();
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace attest::lineage
