#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "libattest/base/text.h"
#include "libattest/lineage/rights.h"
#include "libattest/lineage/training_node.h"

namespace attest::lineage {

namespace {

using result::Verdict;
using statement::Subject;

std::string shown(const Origin& origin) {
  return origin.name() + " by " + origin.issuer + ", statement " + std::to_string(origin.index);
}

// Weights that came out of training; the other operations only rearrange what is there.
bool was_trained(const Origin& origin) {
  const auto* release = origin.release();
  if (release == nullptr) return false;
  if (!release->operation) return true;
  constexpr std::array<std::string_view, 4> trained = {"train", "fine-tune", "adapter", "distil"};
  return std::ranges::find(trained, release->operation->name) != trained.end();
}

ModelCheck passed(Rule rule, std::string expected, std::string found, std::string place = {}) {
  return {std::string(rule.name), Verdict::pass, std::move(expected),
          std::move(found),       std::string(), std::move(place)};
}

ModelCheck judge_inputs(const LineageGraph& graph) {
  std::size_t runs = 0;
  for (const auto& node : graph.nodes()) {
    if (!node.origin.release()) continue;
    std::set<Subject> parents;
    for (const statement::Parent& parent : node.origin.release()->parents)
      parents.insert(parent.subject);
    for (const RunRecord& record : node.origin.runs) {
      ++runs;
      if (std::set<Subject>(record.run.inputs.begin(), record.run.inputs.end()) == parents)
        continue;
      return {std::string(rules::model_run_inputs.name),
              Verdict::refused,
              "the " + std::to_string(parents.size()) + " parents of " + shown(node.origin),
              std::to_string(record.run.inputs.size()) + " inputs in statement " +
                  std::to_string(record.index) + " by " + record.issuer,
              "a training run had other inputs than the release has parents",
              ""};
    }
  }
  return passed(rules::model_run_inputs, "training runs whose inputs are the release's parents",
                with_thousands(runs) + " training runs");
}

ModelCheck judge_data_set(const LineageGraph& graph, const std::string& place) {
  const auto sets = std::ranges::count_if(
      graph.nodes(), [](const auto& node) { return node.origin.data_set() != nullptr; });
  ModelCheck check =
      passed(rules::model_data_set, "at least one data set", std::to_string(sets), place);
  if (sets > 0) return check;
  check.outcome = Verdict::refused;
  check.why = "the lineage names no data set";
  return check;
}

ModelCheck judge_runs(const LineageGraph& graph, const std::string& place) {
  for (const auto& node : graph.nodes())
    if (was_trained(node.origin) && node.origin.runs.empty())
      return {std::string(rules::model_training_run.name),
              Verdict::refused,
              "a training run for each trained release",
              "none for " + shown(node.origin),
              "nobody the trust root knows says how a release was trained",
              place};
  return passed(rules::model_training_run, "a training run for each trained release", "all there",
                place);
}

ModelCheck judge_node(const RunRecord& record, const TrainingNode& node,
                      const Asked<result::TrustLevel>& wanted) {
  ModelCheck check = passed(
      rules::model_training_hardware,
      "each node " + std::string(result::to_string(wanted.value)) + " or better", "", wanted.place);
  if (node.level && at_least(*node.level, wanted.value)) return check;
  check.outcome =
      node.why && node.why->kind != ErrorKind::refused ? Verdict::incomplete : Verdict::refused;
  check.found = node.level ? std::string(result::to_string(*node.level)) : "nothing that counts";
  check.why = "node " + printable(node.node, 60) + " of training run " +
              std::to_string(record.index) + ": " +
              (node.why ? node.why->to_string() : "it was affirmed at a lower level only");
  return check;
}

ModelCheck judge_hardware(const LineageGraph& graph, const Asked<result::TrustLevel>& wanted) {
  std::size_t nodes = 0;
  std::optional<ModelCheck> open;  // what is missing; a refusal found later is worse
  for (const auto& node : graph.nodes()) {
    if (!was_trained(node.origin)) continue;
    bool named = false;
    for (const RunRecord& record : node.origin.runs)
      for (const TrainingNode& machine : record.nodes) {
        named = true;
        ++nodes;
        ModelCheck check = judge_node(record, machine, wanted);
        if (check.outcome == Verdict::refused) return check;
        if (check.outcome == Verdict::incomplete && !open) open = std::move(check);
      }
    if (named || open) continue;
    open = passed(rules::model_training_hardware,
                  "each node " + std::string(result::to_string(wanted.value)) + " or better",
                  "no node, for " + shown(node.origin), wanted.place);
    open->outcome = Verdict::incomplete;
    open->why = "nobody says on which nodes a release was trained";
  }
  if (open) return *std::move(open);
  return passed(rules::model_training_hardware,
                "each node " + std::string(result::to_string(wanted.value)) + " or better",
                with_thousands(nodes) + " nodes", wanted.place);
}

}  // namespace

Judged judge_training(const LineageGraph& graph, const ReleasePolicy& policy) {
  Judged judged;
  judged.checks.push_back(judge_inputs(graph));
  if (policy.statements) {
    for (const std::string& kind : policy.statements->value)
      judged.checks.push_back(kind == "data-set" ? judge_data_set(graph, policy.statements->place)
                                                 : judge_runs(graph, policy.statements->place));
  } else {
    judged.not_checked.push_back(
        "the policy does not ask for statements beside releases (required_statements)");
  }
  if (policy.training_hardware)
    judged.checks.push_back(judge_hardware(graph, *policy.training_hardware));
  else
    judged.not_checked.push_back(
        "the policy does not ask for the training's hardware (training_hardware)");
  return judged;
}

}  // namespace attest::lineage
