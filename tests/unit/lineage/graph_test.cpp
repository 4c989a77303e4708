#include "libattest/lineage/graph.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::lineage;
using statement::ModelRelease;
using statement::Parent;
using statement::Subject;

namespace {

Subject named(const std::string& name) {
  return Subject::artefact(sha256(as_bytes(name)));
}

Origin released(const std::string& name, std::vector<Parent> parents = {},
                std::uint64_t index = 0) {
  ModelRelease release;
  release.name = name;
  release.licence = "Apache-2.0";
  if (!parents.empty()) release.operation = statement::Operation{"merge", {}};
  release.parents = std::move(parents);
  return {named(name), "weights@lab.example", index, std::move(release), {}};
}

Origin data(const std::string& name) {
  return {named(name), "data@lab.example", 0, statement::DataSet{name, {}, "CC0-1.0"}, {}};
}

Parent base(const std::string& name) {
  return {"base", named(name)};
}

}  // namespace

TEST_CASE("a lineage is walked from the artefact to its oldest ancestors, nearest first") {
  const auto graph = must(build_graph(
      named("chat"), {data("text"), released("base", {{"dataset", named("text")}}),
                      released("chat", {base("tuned")}), released("tuned", {base("base")}),
                      released("unrelated", {base("nothing")})}));
  REQUIRE(graph.nodes().size() == 4);
  REQUIRE(graph.artefact().origin.name() == "chat");
  REQUIRE(graph.nodes()[3].origin.name() == "text");
  REQUIRE(graph.nodes()[3].generation == 3);
  REQUIRE(graph.way_to(3) == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("an artefact that nobody released has no lineage") {
  REQUIRE_RULE(build_graph(named("a"), {released("b")}), rules::graph_no_origin);
}

TEST_CASE("a parent that nobody released is refused") {
  REQUIRE_RULE(build_graph(named("a"), {released("a", {base("b")})}), rules::graph_missing_parent);
}

TEST_CASE("a release that is its own parent is refused") {
  REQUIRE_RULE(build_graph(named("a"), {released("a", {base("a")})}), rules::graph_self_parent);
}

TEST_CASE("a cycle is refused, near or far") {
  REQUIRE_RULE(build_graph(named("a"), {released("a", {base("b")}), released("b", {base("a")})}),
               rules::graph_cycle);
  REQUIRE_RULE(build_graph(named("a"), {released("a", {base("b")}), released("b", {base("c")}),
                                        released("c", {base("d")}), released("d", {base("b")})}),
               rules::graph_cycle);
}

TEST_CASE("two ways to one ancestor are no cycle") {
  const auto graph = must(
      build_graph(named("a"), {released("a", {base("b"), base("c")}), released("b", {base("d")}),
                               released("c", {base("d")}), released("d")}));
  REQUIRE(graph.nodes().size() == 4);
}

TEST_CASE("a parent named otherwise than by digest is refused") {
  const Parent by_name{"base", must(Subject::platform("https://models.example/base"))};
  REQUIRE_RULE(build_graph(named("a"), {released("a", {by_name})}), rules::graph_parent_name);
}

TEST_CASE("a parent is what its role says") {
  REQUIRE_RULE(build_graph(named("a"), {released("a", {base("text")}), data("text")}),
               rules::graph_parent_role);
  REQUIRE_RULE(build_graph(named("a"), {released("a", {{"dataset", named("b")}}), released("b")}),
               rules::graph_parent_role);
}

TEST_CASE("two origins of one artefact must agree") {
  Origin other_issuer = released("a");
  other_issuer.issuer = "else@lab.example";
  REQUIRE_RULE(build_graph(named("a"), {released("a"), other_issuer}), rules::graph_two_origins);
  REQUIRE_RULE(build_graph(named("a"), {released("a"), released("a", {base("b")}), released("b")}),
               rules::graph_two_origins);
  const auto graph = must(build_graph(named("a"), {released("a", {}, 9), released("a", {}, 4)}));
  REQUIRE(graph.artefact().origin.index == 4);
}

TEST_CASE("a revocation of either of two agreeing origins stands") {
  Origin revoked = released("a", {}, 9);
  revoked.revoked = RevocationRecord{"weights@lab.example", 10, 0, "poisoned"};
  REQUIRE(must(build_graph(named("a"), {released("a", {}, 4), revoked})).revoked() ==
          std::vector<std::size_t>{0});
}

TEST_CASE("5,000 generations and a 512-way merge are ordinary") {
  std::vector<Origin> origins;
  std::vector<Parent> merged;
  for (int i = 0; i < 512; ++i) {
    merged.push_back(base("merged " + std::to_string(i)));
    origins.push_back(released("merged " + std::to_string(i), {base("generation 0")}));
  }
  origins.push_back(released("artefact", merged));
  for (int i = 0; i < 5000; ++i)
    origins.push_back(
        released("generation " + std::to_string(i), {base("generation " + std::to_string(i + 1))}));
  origins.push_back(released("generation 5000"));
  const auto graph = must(build_graph(named("artefact"), origins));
  REQUIRE(graph.nodes().size() == 1 + 512 + 5001);
  REQUIRE(graph.nodes().back().generation == 5002);
  REQUIRE(graph.way_to(graph.nodes().size() - 1).size() == 5003);
}
