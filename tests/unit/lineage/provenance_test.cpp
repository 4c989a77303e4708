#include <algorithm>
#include <chrono>

#include "libattest/base/json.h"
#include "libattest/crypto/digest.h"
#include "libattest/lineage/provenance_graph.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::lineage;

namespace {

std::string sha256_of(const std::string& name) {
  return to_hex(sha256(as_bytes(name)));
}

Json artefact(const std::string& name) {
  return {{"name", name}, {"uri", "model:" + name}, {"digest", {{"sha256", sha256_of(name)}}}};
}

Json statement_of(const std::string& name, const std::vector<std::string>& parents) {
  Json list = Json::array();
  for (const std::string& parent : parents) list.push_back(artefact(parent));
  const std::string relation = parents.empty() ? "pretrain" : "finetune";
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", {{{"name", name}, {"digest", {{"sha256", sha256_of(name)}}}}}},
          {"predicateType", "https://slsa.dev/provenance/v1"},
          {"predicate",
           {{"buildDefinition",
             {{"buildType", "https://lab.example/ml/" + relation + "/v1"},
              {"externalParameters", {{"relation", relation}}},
              {"resolvedDependencies", list}}},
            {"runDetails", {{"builder", {{"id", "https://lab.example/trainer"}}}}}}}};
}

Json& parents_of(Json& statement) {
  return statement["predicate"]["buildDefinition"]["resolvedDependencies"];
}

std::string lines(const std::vector<Json>& statements) {
  std::string text;
  for (const Json& each : statements) text += to_line(each) + "\n";
  return text;
}

ProvenanceReport check(const std::vector<Json>& statements) {
  return check_provenance(lines(statements));
}

// Requires that exactly one thing is wrong: this rule, on this line, at this field.
void only(const ProvenanceReport& report, Rule rule, std::size_t line, const std::string& field) {
  REQUIRE(report.problems.size() == 1);
  INFO(report.problems[0].why.to_string());
  REQUIRE(report.problems[0].why.rule.name == rule.name);
  REQUIRE(report.problems[0].line == line);
  REQUIRE(report.problems[0].why.where == field);
}

const std::string first_parent = "predicate.buildDefinition.resolvedDependencies[0]";

}  // namespace

TEST_CASE("a chain and a diamond are descents, in any order of their lines") {
  const std::vector<Json> diamond = {statement_of("m", {"l", "r"}), statement_of("l", {"b"}),
                                     statement_of("b", {}), statement_of("r", {"b"})};
  const ProvenanceReport report = check(diamond);
  REQUIRE(report.problems.empty());
  REQUIRE(report.artefacts == 4);
  REQUIRE(report.roots == 1);
  REQUIRE(report.generations == 3);
  REQUIRE(report.most_parents == 2);
}

TEST_CASE("artefacts that descend from each other are refused, however long the way round") {
  only(check({statement_of("a", {"b"}), statement_of("b", {"a"})}), rules::provenance_cycle, 1,
       "predicate.buildDefinition.resolvedDependencies");
  std::vector<Json> ring;
  for (int i = 0; i < 50; ++i)
    ring.push_back(statement_of("r" + std::to_string(i), {"r" + std::to_string((i + 1) % 50)}));
  ring.push_back(statement_of("below", {"r7"}));
  const ProvenanceReport report = check(ring);
  REQUIRE(report.problems.size() == 1);
  REQUIRE(report.problems[0].why.rule == rules::provenance_cycle);
  REQUIRE(report.generations == 0);
}

TEST_CASE("an artefact as its own parent is refused") {
  only(check({statement_of("a", {"a"})}), rules::provenance_self_parent, 1, first_parent);
}

TEST_CASE("a parent without a statement is refused") {
  only(check({statement_of("b", {}), statement_of("a", {"b", "nowhere"})}),
       rules::provenance_missing_parent, 2, "predicate.buildDefinition.resolvedDependencies[1]");
}

TEST_CASE("a parent named by its URI alone is refused") {
  Json child = statement_of("a", {"b"});
  parents_of(child)[0].erase("digest");
  only(check({statement_of("b", {}), child}), rules::provenance_weak_parent, 2,
       first_parent + ".digest");
  parents_of(child)[0]["digest"] = Json::object();
  only(check({statement_of("b", {}), child}), rules::provenance_weak_parent, 2,
       first_parent + ".digest");
}

TEST_CASE("a parent named by SHA-1 or MD5 alone is refused") {
  for (const char* weak : {"sha1", "md5", "gitCommit", "sha224"}) {
    INFO(weak);
    Json child = statement_of("a", {"b"});
    parents_of(child)[0]["digest"] = {{weak, std::string(40, 'a')}};
    only(check({statement_of("b", {}), child}), rules::provenance_weak_parent, 2,
         first_parent + ".digest");
  }
  // Beside a SHA-256 a weak one does no harm.
  Json child = statement_of("a", {"b"});
  parents_of(child)[0]["digest"]["sha1"] = std::string(40, 'a');
  REQUIRE(check({statement_of("b", {}), child}).problems.empty());
}

TEST_CASE("a subject without a digest that binds is refused") {
  Json statement = statement_of("a", {});
  statement["subject"][0]["digest"] = {{"sha1", std::string(40, 'a')}};
  only(check({statement}), rules::provenance_weak_subject, 1, "subject[0].digest");
}

TEST_CASE("a truncated digest is refused") {
  for (const auto& hex : {std::string(), std::string(63, 'a'), std::string(62, 'a'),
                          std::string(66, 'a'), std::string(64, 'g')}) {
    INFO(hex);
    Json statement = statement_of("a", {});
    statement["subject"][0]["digest"]["sha256"] = hex;
    only(check({statement}), rules::provenance_digest, 1, "subject[0].digest.sha256");
  }
}

TEST_CASE("a parent's name with a digest that is not its own is refused") {
  Json child = statement_of("a", {"b"});
  parents_of(child)[0]["digest"]["sha256"] = sha256_of("elsewhere");
  only(check({statement_of("b", {}), child}), rules::provenance_wrong_digest, 2,
       first_parent + ".digest");
  // Nor may it be the digest of a third artefact.
  parents_of(child)[0]["digest"]["sha256"] = sha256_of("c");
  only(check({statement_of("b", {}), statement_of("c", {}), child}), rules::provenance_wrong_digest,
       3, first_parent + ".digest");
  // A name that belongs to nobody else is only a name.
  parents_of(child)[0]["name"] = "mirror";
  REQUIRE(check({statement_of("b", {}), statement_of("c", {}), child}).problems.empty());
}

TEST_CASE("a parent whose digests under two algorithms disagree is refused") {
  Json base = statement_of("b", {});
  base["subject"][0]["digest"]["sha512"] = std::string(128, '1');
  Json child = statement_of("a", {"b"});
  parents_of(child)[0]["digest"]["sha512"] = std::string(128, '2');
  only(check({base, child}), rules::provenance_wrong_digest, 2, first_parent + ".digest");
}

TEST_CASE("subjects whose digests name two artefacts at once are refused") {
  Json once = statement_of("a", {});
  once["subject"][0]["digest"]["sha512"] = std::string(128, '1');
  Json again = once;
  again["subject"][0]["digest"]["sha512"] = std::string(128, '2');
  only(check({once, again}), rules::provenance_digests_disagree, 2, "subject[0].digest");
}

TEST_CASE("one artefact with two origins is refused, and the same origin twice is counted") {
  const std::vector<Json> two = {statement_of("b", {}), statement_of("c", {}),
                                 statement_of("a", {"b"}), statement_of("a", {"c"})};
  only(check(two), rules::provenance_two_origins, 4, "subject[0]");
  only(check({statement_of("b", {}), statement_of("a", {"b"}), statement_of("a", {})}),
       rules::provenance_two_origins, 3, "subject[0]");
  const ProvenanceReport report =
      check({statement_of("b", {}), statement_of("a", {"b"}), statement_of("a", {"b"})});
  REQUIRE(report.problems.empty());
  REQUIRE(report.repeated == 1);
  Json other_way = statement_of("a", {"b"});
  other_way["predicate"]["buildDefinition"]["buildType"] = "https://lab.example/ml/other/v1";
  only(check({statement_of("b", {}), statement_of("a", {"b"}), other_way}),
       rules::provenance_two_origins, 3, "subject[0]");
}

TEST_CASE("of a statement about several artefacts each has its origin checked") {
  Json first = statement_of("a", {});
  Json both = statement_of("b", {"c"});
  both["subject"].push_back(first["subject"][0]);
  only(check({statement_of("c", {}), first, both}), rules::provenance_two_origins, 3, "subject[1]");
}

TEST_CASE("an artefact listed twice is refused") {
  only(check({statement_of("b", {}), statement_of("a", {"b", "b"})}),
       rules::provenance_parent_twice, 2, "predicate.buildDefinition.resolvedDependencies[1]");
  Json statement = statement_of("a", {});
  statement["subject"].push_back(statement["subject"][0]);
  only(check({statement}), rules::provenance_subject_twice, 1, "subject[1]");
}

TEST_CASE("a fine-tune of nothing is refused") {
  Json statement = statement_of("a", {});
  statement["predicate"]["buildDefinition"]["externalParameters"]["relation"] = "finetune";
  only(check({statement}), rules::provenance_no_parent, 1,
       "predicate.buildDefinition.resolvedDependencies");
}

TEST_CASE("each member that a statement must have is missed, with its name") {
  const std::vector<std::pair<Json::json_pointer, std::string>> members = {
      {Json::json_pointer("/_type"), "_type"},
      {Json::json_pointer("/predicateType"), "predicateType"},
      {Json::json_pointer("/predicate"), "predicate"},
      {Json::json_pointer("/subject"), "subject"},
      {Json::json_pointer("/predicate/buildDefinition"), "predicate.buildDefinition"},
      {Json::json_pointer("/predicate/buildDefinition/buildType"),
       "predicate.buildDefinition.buildType"},
      {Json::json_pointer("/predicate/buildDefinition/externalParameters"),
       "predicate.buildDefinition.externalParameters"},
      {Json::json_pointer("/predicate/runDetails"), "predicate.runDetails"},
      {Json::json_pointer("/predicate/runDetails/builder"), "predicate.runDetails.builder"},
      {Json::json_pointer("/predicate/runDetails/builder/id"), "predicate.runDetails.builder.id"}};
  for (const auto& [pointer, name] : members) {
    INFO(name);
    Json statement = statement_of("a", {});
    statement[pointer.parent_pointer()].erase(pointer.back());
    only(check({statement}), rules::provenance_form, 1, name);
    statement[pointer] = 7;
    only(check({statement}), rules::provenance_form, 1, name);
  }
}

TEST_CASE("another statement type, an empty subject and an empty line are refused") {
  Json statement = statement_of("a", {});
  statement["_type"] = "https://in-toto.io/Statement/v0.1";
  only(check({statement}), rules::provenance_form, 1, "_type");
  statement = statement_of("a", {});
  statement["predicateType"] = "https://slsa.dev/provenance/v0.2";
  only(check({statement}), rules::provenance_form, 1, "predicateType");
  statement = statement_of("a", {});
  statement["subject"] = Json::array();
  only(check({statement}), rules::provenance_form, 1, "subject");
  const std::string good = to_line(statement_of("a", {}));
  only(check_provenance(good + "\n\n" + to_line(statement_of("b", {})) + "\n"),
       rules::provenance_form, 2, "");
  REQUIRE(check_provenance(good).problems.empty());
  only(check_provenance(""), rules::provenance_nothing, 1, "");
}

TEST_CASE("malformed lines are refused by number, and the graph is then left alone") {
  const std::string good = to_line(statement_of("a", {"missing"})) + "\n";
  for (const std::string& bad :
       {std::string("{"), std::string("[]"), good.substr(0, 100), "\xef\xbb\xbf" + good,
        good.substr(0, good.size() - 1) + "{}", std::string("{\"_type\":1,\"_type\":2}"),
        std::string(100'000, '[')}) {
    const ProvenanceReport report = check_provenance(good + bad);
    REQUIRE(report.problems.size() == 1);
    REQUIRE(report.problems[0].line == 2);
    REQUIRE_FALSE(report.graph_checked);
  }
}

TEST_CASE("5,000 generations and a merge of 512 take no recursion and well under a second") {
  std::vector<Json> chain = {statement_of("0", {})};
  for (int i = 1; i < 5000; ++i)
    chain.push_back(statement_of(std::to_string(i), {std::to_string(i - 1)}));
  std::vector<std::string> wide;
  for (int i = 0; i < 512; ++i) wide.push_back(std::to_string(i * 9));
  chain.push_back(statement_of("merged", wide));
  std::ranges::reverse(chain);
  const std::string text = lines(chain);
  const auto start = std::chrono::steady_clock::now();
  const ProvenanceReport report = check_provenance(text);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  REQUIRE(report.problems.empty());
  REQUIRE(report.generations == 5000);
  REQUIRE(report.most_parents == 512);
}
