#include "libattest/lineage/rights.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::lineage {

namespace {

using result::Verdict;
using Node = LineageGraph::Node;

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

std::string shown(const Origin& origin) {
  return origin.name() + " by " + origin.issuer + ", statement " + std::to_string(origin.index);
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(patterns,
                             [&](const std::string& glob) { return matches_glob(glob, text); });
}

// Rights makes the checks one by one; each method is one rule.
class Rights {
 public:
  explicit Rights(const LineageGraph& graph) : nodes_(graph.nodes()) {}

  void consent() {
    std::size_t demands = 0;
    for (const Node& child : nodes_)
      for (const LineageGraph::Edge& edge : child.parents) {
        const Origin& parent = nodes_[edge.parent].origin;
        if (!parent.release() || !parent.release()->consent_required) continue;
        if (parent.issuer == child.origin.issuer) continue;
        ++demands;
        if (consented(child.origin, parent)) continue;
        return add(rules::model_consent, Verdict::refused,
                   "consent by " + parent.issuer + " to the " + operation_of(child.origin),
                   consents_of(child.origin),
                   shown(child.origin) + " was made of " + shown(parent) +
                       ", whose release demands its owner's consent",
                   "");
      }
    add(rules::model_consent, Verdict::pass, "consent where a parent's release demands it",
        demands == 0 ? "no release demands it" : with_thousands(demands) + " given", "", "");
  }

  void descent(const std::vector<DescentRule>& rules) {
    if (rules.empty()) return not_asked("licences of descendants ([[descent]])");
    for (const DescentRule& rule : rules) descent(rule);
  }

  void jurisdictions(const std::optional<Asked<std::vector<std::string>>>& asked) {
    if (!asked) return not_asked("jurisdictions (jurisdictions)");
    const auto foreign = [&](const std::string& name) {
      return std::ranges::find(asked->value, name) == asked->value.end();
    };
    const Node* silent = nullptr;
    for (const Node& node : nodes_) {
      const auto& names = node.origin.jurisdictions();
      if (names.empty() && silent == nullptr) silent = &node;
      const auto found = std::ranges::find_if(names, foreign);
      if (found == names.end()) continue;
      return add(rules::model_jurisdiction, Verdict::refused, joined(asked->value),
                 *found + ", of " + shown(node.origin),
                 "the lineage holds something of a jurisdiction the policy does not allow",
                 asked->place);
    }
    add_or_silent(rules::model_jurisdiction, silent, joined(asked->value),
                  "all of " + with_thousands(nodes_.size()), asked->place);
  }

  void placement(const std::vector<PlacementRule>& rules, std::string_view region) {
    if (rules.empty()) return not_asked("where it may run ([[placement]])");
    for (const PlacementRule& rule : rules) placement(rule, region);
  }

  void ancestors(const ReleasePolicy& policy) {
    const auto is_here = [&](const std::string& subject) {
      return std::ranges::any_of(
          nodes_, [&](const Node& node) { return node.origin.subject.text() == subject; });
    };
    if (policy.descends_from) {
      const bool one = std::ranges::any_of(policy.descends_from->value, is_here);
      add(rules::model_descends_from, one ? Verdict::pass : Verdict::refused,
          "at least one of " + joined(policy.descends_from->value), one ? "it is there" : "none",
          one ? "" : "the model does not descend from what the policy names",
          policy.descends_from->place);
    } else {
      not_asked("named ancestors (descends_from)");
    }
    if (!policy.never_from) return not_asked("unwanted ancestors (never_from)");
    const auto& unwanted = policy.never_from->value;
    const auto found = std::ranges::find_if(unwanted, is_here);
    const bool clean = found == unwanted.end();
    add(rules::model_never_from, clean ? Verdict::pass : Verdict::refused,
        "none of " + joined(unwanted), clean ? "none" : *found,
        clean ? "" : "the model descends from what the policy forbids", policy.never_from->place);
  }

  Judged judged;

 private:
  void add(Rule rule, Verdict outcome, std::string expected, std::string found, std::string why,
           std::string place) {
    judged.checks.push_back({std::string(rule.name), outcome, std::move(expected), std::move(found),
                             std::move(why), std::move(place)});
  }

  void not_asked(std::string what) {
    judged.not_checked.push_back("the policy does not ask for " + std::move(what));
  }

  // A pass, unless something names no jurisdiction: then nobody can tell.
  void add_or_silent(Rule rule, const Node* silent, std::string expected, std::string found,
                     const std::string& place) {
    if (silent == nullptr)
      return add(rule, Verdict::pass, std::move(expected), std::move(found), "", place);
    add(rule, Verdict::incomplete, std::move(expected), "none, of " + shown(silent->origin),
        "an artefact names no jurisdiction", place);
  }

  static std::string operation_of(const Origin& origin) {
    return origin.release() && origin.release()->operation ? origin.release()->operation->name : "";
  }

  static bool consented(const Origin& child, const Origin& parent) {
    return std::ranges::any_of(child.consents, [&](const ConsentRecord& record) {
      return record.issuer == parent.issuer && record.consent.parent == parent.subject &&
             record.consent.operation == operation_of(child);
    });
  }

  static std::string consents_of(const Origin& child) {
    std::string text;
    for (const ConsentRecord& record : child.consents)
      text += (text.empty() ? "" : "; ") + record.issuer + " to a " + record.consent.operation +
              " of " + record.consent.parent.text();
    return text.empty() ? "none" : text;
  }

  // Goes down from each artefact under the licence, each descendant once.
  void descent(const DescentRule& rule) {
    std::vector<std::vector<std::size_t>> children(nodes_.size());
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const LineageGraph::Edge& edge : nodes_[i].parents) children[edge.parent].push_back(i);
      if (matches_glob(rule.from, nodes_[i].origin.licence())) open.push_back(i);
    }
    const std::size_t sources = open.size();
    std::vector<bool> seen(nodes_.size());
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      for (const std::size_t child : children[at]) {
        if (seen[child]) continue;
        seen[child] = true;
        const Origin& origin = nodes_[child].origin;
        if (!matches_any(rule.to, origin.licence()))
          return add(rules::model_descent, Verdict::refused,
                     "under " + rule.from + " only: " + joined(rule.to),
                     origin.licence() + ", of " + shown(origin),
                     "a descendant's licence is not one that its ancestor's allows (" +
                         shown(nodes_[at].origin) + ", " + nodes_[at].origin.licence() + ")",
                     rule.place);
        open.push_back(child);
      }
    }
    add(rules::model_descent, Verdict::pass, "under " + rule.from + " only: " + joined(rule.to),
        with_thousands(sources) + " under it", "", rule.place);
  }

  void placement(const PlacementRule& rule, std::string_view region) {
    const std::string expected = "with " + rule.jurisdiction + " in: " + joined(rule.regions);
    const Node* silent = nullptr;
    for (const Node& node : nodes_) {
      const auto& names = node.origin.jurisdictions();
      if (names.empty() && silent == nullptr) silent = &node;
      const bool bound = std::ranges::any_of(
          names, [&](const std::string& name) { return matches_glob(rule.jurisdiction, name); });
      if (!bound || std::ranges::find(rule.regions, region) != rule.regions.end()) continue;
      return add(rules::model_region, region.empty() ? Verdict::incomplete : Verdict::refused,
                 expected, region.empty() ? "no region" : std::string(region),
                 region.empty() ? "nobody said where the model is to run"
                                : "the model may not run here, for " + shown(node.origin),
                 rule.place);
    }
    add_or_silent(rules::model_region, silent, expected,
                  region.empty() ? "nothing of it" : std::string(region), rule.place);
  }

  const std::vector<Node>& nodes_;
};

}  // namespace

Judged judge_rights(const LineageGraph& graph, const ReleasePolicy& policy,
                    std::string_view region) {
  Rights rights(graph);
  rights.consent();
  rights.descent(policy.descent);
  rights.jurisdictions(policy.jurisdictions);
  rights.placement(policy.placement, region);
  rights.ancestors(policy);
  return std::move(rights.judged);
}

}  // namespace attest::lineage
