#include "libattest/lineage/graph.h"

#include <algorithm>
#include <map>

#include "libattest/base/text.h"

namespace attest::lineage {

namespace {

using statement::Subject;
using Origins = std::map<Subject, Origin>;

std::string shown(const Origin& origin) {
  return "statement " + std::to_string(origin.index) + " by " + origin.issuer;
}

// Keeps the earliest of agreeing origins; disagreeing ones leave no answer to where it comes from.
Status add_origin(Origins& origins, Origin origin) {
  const auto [place, fresh] = origins.try_emplace(origin.subject, origin);
  if (fresh) return {};
  Origin& known = place->second;
  if (known.issuer != origin.issuer || known.content != origin.content)
    return fail(refused(rules::graph_two_origins, "two statements of origin contradict each other")
                    .expected(shown(known))
                    .found(shown(origin))
                    .within(origin.subject.text()));
  if (!known.revoked) known.revoked = std::move(origin.revoked);
  known.index = std::min(known.index, origin.index);
  return {};
}

Status check_parent(const Origin& child, const statement::Parent& parent, const Origins& origins) {
  const auto within = [&](Error error) {
    return fail(std::move(error.within(child.subject.text() + " (" + shown(child) + ")")));
  };
  if (parent.subject.kind() != statement::SubjectKind::artefact)
    return within(refused(rules::graph_parent_name, "a parent is not named by its digest")
                      .found(parent.subject.text()));
  if (parent.subject == child.subject)
    return within(refused(rules::graph_self_parent, "a release names itself as its parent"));
  const auto origin = origins.find(parent.subject);
  if (origin == origins.end())
    return within(
        refused(rules::graph_missing_parent, "a parent was released by nobody the trust root knows")
            .found(parent.role + " " + parent.subject.text())
            .next("ask " + child.issuer + " for the parent's release"));
  const bool is_data_set = origin->second.data_set() != nullptr;
  if (is_data_set != (parent.role == "dataset"))
    return within(refused(rules::graph_parent_role, "a parent is not what its role says")
                      .expected(parent.role)
                      .found(is_data_set ? "a data set" : "a release"));
  return {};
}

// Kahn's order over the edges: what can never be taken off lies on a cycle.
Status check_no_cycle(const std::vector<LineageGraph::Node>& nodes) {
  std::vector<std::size_t> children(nodes.size(), 0);
  for (const auto& node : nodes)
    for (const auto& edge : node.parents) ++children[edge.parent];
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (children[i] == 0) ready.push_back(i);
  std::size_t taken = 0;
  while (!ready.empty()) {
    const std::size_t node = ready.back();
    ready.pop_back();
    ++taken;
    for (const auto& edge : nodes[node].parents)
      if (--children[edge.parent] == 0) ready.push_back(edge.parent);
  }
  if (taken == nodes.size()) return {};
  const auto stuck = std::ranges::find_if(children, [](std::size_t count) { return count > 0; });
  const auto& origin = nodes[static_cast<std::size_t>(stuck - children.begin())].origin;
  return fail(refused(rules::graph_cycle, "an artefact is its own ancestor")
                  .found(origin.subject.text() + ", " + shown(origin)));
}

}  // namespace

const std::string& Origin::name() const {
  return release() ? release()->name : data_set()->name;
}

const std::string& Origin::licence() const {
  return release() ? release()->licence : data_set()->licence;
}

const std::vector<std::string>& Origin::jurisdictions() const {
  return release() ? release()->jurisdictions : data_set()->jurisdictions;
}

Result<LineageGraph> build_graph(const Subject& artefact, std::vector<Origin> given) {
  Origins origins;
  for (Origin& origin : given) TRY_VOID(add_origin(origins, std::move(origin)));
  const auto first = origins.find(artefact);
  if (first == origins.end())
    return fail(
        refused(rules::graph_no_origin, "nobody the trust root knows released this artefact")
            .found(artefact.text()));

  // Breadth first, so that nodes come nearest first and child_ gives shortest ways.
  LineageGraph graph;
  std::map<Subject, std::size_t> place_of{{artefact, 0}};
  graph.nodes_.push_back({first->second, {}, 0});
  graph.child_.push_back(0);
  for (std::size_t at = 0; at < graph.nodes_.size(); ++at) {
    const statement::ModelRelease* release = graph.nodes_[at].origin.release();
    if (!release) continue;
    // The release lies in nodes_, which grows below: take what is needed of it first.
    const std::vector<statement::Parent> parents = release->parents;
    for (const statement::Parent& parent : parents) {
      TRY_VOID(check_parent(graph.nodes_[at].origin, parent, origins));
      const auto [place, fresh] = place_of.try_emplace(parent.subject, graph.nodes_.size());
      if (fresh) {
        graph.nodes_.push_back(
            {origins.find(parent.subject)->second, {}, graph.nodes_[at].generation + 1});
        graph.child_.push_back(at);
      }
      graph.nodes_[at].parents.push_back({place->second, parent.role});
    }
  }
  TRY_VOID(check_no_cycle(graph.nodes_));
  return graph;
}

std::vector<std::size_t> LineageGraph::revoked() const {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].origin.revoked) places.push_back(i);
  return places;
}

std::vector<std::size_t> LineageGraph::way_to(std::size_t node) const {
  std::vector<std::size_t> way{node};
  while (way.back() != 0) way.push_back(child_[way.back()]);
  std::ranges::reverse(way);
  return way;
}

}  // namespace attest::lineage
