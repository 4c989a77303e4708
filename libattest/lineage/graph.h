// The lineage graph: which artefacts a model descends from, and by which operations.
//
// Nodes are data sets and releases, named by the digest of their bytes; an edge goes from a release
// to each parent it names. build_graph takes what verified statements say and checks that it is a
// graph of descent. Nothing recurses: 5,000 generations and merges of hundreds are ordinary.
//
// Plain values, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libattest/result/ear.h"
#include "libattest/statement/artefact.h"
#include "libattest/statement/consent.h"
#include "libattest/statement/training_run.h"

namespace attest::lineage {

// RevocationRecord is a revocation that counts: by the issuer of what it revokes, or by whom the
// trust root names above it.
struct RevocationRecord {
  std::string issuer;
  std::uint64_t index = 0;     // its entry in the log
  std::int64_t issued_at = 0;  // a claim, seconds since 1970
  std::string reason;
};

// TrainingNode is a node that a training run names. `level` is the best trust level at which its
// attestation result affirmed something while the run went on; nothing where there is no result
// that counts, and then `why` says what is the matter with it.
struct TrainingNode {
  std::string node;
  std::optional<result::TrustLevel> level;
  std::optional<Error> why;
};

// RunRecord is an authorized statement of how an artefact was trained.
struct RunRecord {
  std::string issuer;
  std::uint64_t index = 0;
  statement::TrainingRun run;
  std::vector<TrainingNode> nodes;  // one for each of run.hardware
};

// ConsentRecord is an authorized statement of consent to one artefact's descent from another.
struct ConsentRecord {
  std::string issuer;
  std::uint64_t index = 0;
  statement::Consent consent;
};

// Origin is one authorized statement of where an artefact comes from.
struct Origin {
  statement::Subject subject;
  std::string issuer;
  std::uint64_t index = 0;  // its entry in the log
  std::variant<statement::DataSet, statement::ModelRelease> content;
  std::optional<RevocationRecord> revoked;
  std::vector<RunRecord> runs{};          // in the order of the log, as are
  std::vector<ConsentRecord> consents{};  // whoever gave them: see verdict.h for which count

  const statement::ModelRelease* release() const {
    return std::get_if<statement::ModelRelease>(&content);
  }
  const statement::DataSet* data_set() const { return std::get_if<statement::DataSet>(&content); }
  const std::string& name() const;
  const std::string& licence() const;
  const std::vector<std::string>& jurisdictions() const;
};

class LineageGraph {
 public:
  struct Edge {
    std::size_t parent;  // a position in nodes()
    std::string role;
  };
  struct Node {
    Origin origin;
    std::vector<Edge> parents;
    std::size_t generation = 0;  // 0 for the artefact itself; the shortest way to it
  };
  // nodes holds the artefact first, then every ancestor once, nearest first.
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& artefact() const { return nodes_.front(); }
  // revoked gives the positions of revoked nodes, nearest first.
  std::vector<std::size_t> revoked() const;
  // way_to gives one shortest way from the artefact to a node: positions, the artefact first.
  std::vector<std::size_t> way_to(std::size_t node) const;

 private:
  friend Result<LineageGraph> build_graph(const statement::Subject&, std::vector<Origin>);
  std::vector<Node> nodes_;
  std::vector<std::size_t> child_;  // the node through which each was reached first
};

// build_graph checks, in this order, for the artefact and each ancestor:
//   - two origins of one artefact agree: same issuer, same content (rules::graph_two_origins); of
//     agreeing ones the earliest entry stands, revoked if any of them is;
//   - the artefact has an origin (rules::graph_no_origin);
//   - every parent is named by digest (rules::graph_parent_name) and is not the release itself
//     (rules::graph_self_parent);
//   - every parent has an origin (rules::graph_missing_parent), a data set where its role is
//     "dataset" and a release otherwise (rules::graph_parent_role);
//   - following parents never leads back (rules::graph_cycle).
// Not checked: whether anything was revoked; see verdict.h. Origins of other artefacts are ignored.
Result<LineageGraph> build_graph(const statement::Subject& artefact, std::vector<Origin> origins);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule graph_two_origins{"lineage.graph.two-origins"};
inline constexpr Rule graph_no_origin{"lineage.graph.no-origin"};
inline constexpr Rule graph_parent_name{"lineage.graph.parent-name"};
inline constexpr Rule graph_self_parent{"lineage.graph.self-parent"};
inline constexpr Rule graph_missing_parent{"lineage.graph.missing-parent"};
inline constexpr Rule graph_parent_role{"lineage.graph.parent-role"};
inline constexpr Rule graph_cycle{"lineage.graph.cycle"};
}  // namespace attest::rules
