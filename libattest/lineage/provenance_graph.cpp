#include "libattest/lineage/provenance_graph.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "libattest/base/text.h"

namespace attest::lineage {

namespace {

constexpr std::string_view dependencies = "predicate.buildDefinition.resolvedDependencies";

struct Line {
  std::size_t number;
  UntrustedProvenance said;
};

struct Artefact {
  std::map<std::string, std::string> digests;  // algorithm → hex
  std::set<std::string> names;
  std::size_t line = 0;  // of the statement that is its origin
  const UntrustedProvenance* origin = nullptr;
  std::vector<std::size_t> parents;  // places of others, each once, itself left out
};

// "base (sha256:cae6…d4a2, line 1)", for people.
std::string shown(const Artefact& artefact) {
  const auto& [algorithm, hex] = *artefact.digests.begin();
  const std::string name = artefact.names.empty() ? "" : printable(*artefact.names.begin(), 60);
  return name + (name.empty() ? "" : " ") + "(" + algorithm + ":" + hex.substr(0, 8) + "…, line " +
         std::to_string(artefact.line) + ")";
}

std::set<std::string> parent_texts(const UntrustedProvenance& said) {
  std::set<std::string> texts;
  for (const ProvenanceArtefact& parent : said.parents) texts.insert(parent.digests.front().text());
  return texts;
}

// Graph takes statements in one by one; each method finds what its name says.
class Graph {
 public:
  explicit Graph(ProvenanceReport& report) : report_(report) {}

  void enter(const Line& line) {
    bool repeated = true;
    for (std::size_t i = 0; i < line.said.subjects.size(); ++i) {
      const ProvenanceArtefact& subject = line.said.subjects[i];
      const std::string field = "subject[" + std::to_string(i) + "]";
      const std::optional<std::size_t> known = find(subject);
      if (known && !agrees(artefacts_[*known], subject)) {
        problem(line, refused(rules::provenance_digests_disagree,
                              "the digests of a subject name two different artefacts")
                          .expected(shown(artefacts_[*known]))
                          .found(subject.digests.front().text())
                          .within(field + ".digest"));
        repeated = false;
        continue;
      }
      const bool same = known && same_origin(line, artefacts_[*known], field);
      repeated = repeated && same;
      remember(line, subject, known);
    }
    if (repeated) ++report_.repeated;
  }

  void connect(const Line& line) {
    for (std::size_t i = 0; i < line.said.parents.size(); ++i) {
      const std::string field = std::string(dependencies) + "[" + std::to_string(i) + "]";
      const std::optional<std::size_t> parent = parent_of(line, line.said.parents[i], field);
      if (!parent) continue;
      for (const ProvenanceArtefact& subject : line.said.subjects)
        connect(line, find(subject), *parent, field);
    }
  }

  // Kahn's order, roots first: what can never be taken lies on a cycle or below one.
  void find_cycle() {
    std::vector<std::size_t> waiting(artefacts_.size());
    std::vector<std::vector<std::size_t>> children(artefacts_.size());
    std::vector<std::size_t> ready;
    std::vector<std::size_t> generation(artefacts_.size(), 1);
    for (std::size_t i = 0; i < artefacts_.size(); ++i) {
      waiting[i] = artefacts_[i].parents.size();
      for (const std::size_t parent : artefacts_[i].parents) children[parent].push_back(i);
      if (waiting[i] == 0) ready.push_back(i);
    }
    std::size_t taken = 0;
    for (; taken < ready.size(); ++taken) {
      const std::size_t at = ready[taken];
      report_.generations = std::max(report_.generations, generation[at]);
      for (const std::size_t child : children[at]) {
        generation[child] = std::max(generation[child], generation[at] + 1);
        if (--waiting[child] == 0) ready.push_back(child);
      }
    }
    if (taken == artefacts_.size()) return;
    report_.generations = 0;
    tell_cycle(waiting);
  }

  void count() {
    report_.artefacts = artefacts_.size();
    for (const Artefact& artefact : artefacts_)
      if (artefact.origin->parents.empty()) ++report_.roots;
  }

 private:
  void problem(const Line& line, Error why) {
    report_.problems.push_back({line.number, std::move(why)});
  }

  std::optional<std::size_t> find(const ProvenanceArtefact& named) const {
    for (const NamedDigest& digest : named.digests)
      if (const auto place = by_digest_.find(digest); place != by_digest_.end())
        return place->second;
    return std::nullopt;
  }

  // True where no digest of `named` belongs to another artefact or says something else.
  bool agrees(const Artefact& artefact, const ProvenanceArtefact& named) const {
    return std::ranges::all_of(named.digests, [&](const NamedDigest& digest) {
      const auto known = artefact.digests.find(digest.algorithm);
      if (known != artefact.digests.end()) return known->second == digest.hex;
      return !by_digest_.contains(digest);
    });
  }

  void remember(const Line& line, const ProvenanceArtefact& subject,
                std::optional<std::size_t> known) {
    if (!known) {
      known = artefacts_.size();
      Artefact& fresh = artefacts_.emplace_back();
      fresh.line = line.number;
      fresh.origin = &line.said;
    }
    Artefact& artefact = artefacts_[*known];
    for (const NamedDigest& digest : subject.digests) {
      by_digest_.emplace(digest, *known);
      artefact.digests.emplace(digest.algorithm, digest.hex);
    }
    if (subject.name.empty()) return;
    artefact.names.insert(subject.name);
    by_name_.emplace(subject.name, *known);
  }

  bool same_origin(const Line& line, const Artefact& artefact, const std::string& field) {
    const UntrustedProvenance& before = *artefact.origin;
    if (parent_texts(before) == parent_texts(line.said) &&
        before.build_type == line.said.build_type && before.relation == line.said.relation)
      return true;
    problem(line, refused(rules::provenance_two_origins, "one artefact has two origins")
                      .expected("what line " + std::to_string(artefact.line) + " says of it")
                      .found("another origin of " + shown(artefact))
                      .within(field));
    return false;
  }

  std::optional<std::size_t> parent_of(const Line& line, const ProvenanceArtefact& named,
                                       const std::string& field) {
    const auto wrong_digest = [&](std::string expected) {
      problem(line, refused(rules::provenance_wrong_digest,
                            "a parent's digest is not that of the artefact it names")
                        .expected(std::move(expected))
                        .found(named.digests.front().text())
                        .within(field + ".digest"));
      return std::nullopt;
    };
    const auto owner = named.name.empty() ? by_name_.end() : by_name_.find(named.name);
    const std::optional<std::size_t> parent = find(named);
    if (!parent && owner != by_name_.end()) return wrong_digest(shown(artefacts_[owner->second]));
    if (!parent) {
      problem(line, refused(rules::provenance_missing_parent, "a parent has no statement here")
                        .found((named.name.empty() ? "" : printable(named.name, 60) + " ") +
                               named.digests.front().text())
                        .within(field)
                        .next("add the statement that says where it comes from"));
      return std::nullopt;
    }
    const Artefact& artefact = artefacts_[*parent];
    if (!agrees(artefact, named)) return wrong_digest(shown(artefact));
    if (owner != by_name_.end() && !artefact.names.contains(named.name))
      return wrong_digest(shown(artefacts_[owner->second]));
    return parent;
  }

  void connect(const Line& line, std::optional<std::size_t> child, std::size_t parent,
               const std::string& field) {
    if (!child) return;
    if (*child == parent)
      return problem(line, refused(rules::provenance_self_parent, "an artefact is its own parent")
                               .found(shown(artefacts_[parent]))
                               .within(field));
    std::vector<std::size_t>& parents = artefacts_[*child].parents;
    if (artefacts_[*child].line == line.number) parents.push_back(parent);
    report_.most_parents = std::max(report_.most_parents, parents.size());
  }

  // Every stuck artefact has a stuck parent: going from one to the next must come back.
  void tell_cycle(const std::vector<std::size_t>& waiting) {
    std::size_t at = 0;
    while (waiting[at] == 0) ++at;
    std::vector<std::size_t> way;
    std::map<std::size_t, std::size_t> position;
    while (position.emplace(at, way.size()).second) {
      way.push_back(at);
      at = *std::ranges::find_if(artefacts_[at].parents,
                                 [&](std::size_t parent) { return waiting[parent] > 0; });
    }
    way.erase(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(position[at]));
    constexpr std::size_t most_shown = 8;
    std::string text;
    for (std::size_t i = 0; i < std::min(way.size(), most_shown); ++i)
      text += shown(artefacts_[way[i]]) + " from ";
    if (way.size() > most_shown)
      text += "… " + std::to_string(way.size() - most_shown) + " more … from ";
    report_.problems.push_back({artefacts_[way.front()].line,
                                refused(rules::provenance_cycle, "an artefact is its own ancestor")
                                    .found(text + shown(artefacts_[way.front()]))
                                    .within(std::string(dependencies))});
  }

  ProvenanceReport& report_;
  std::vector<Artefact> artefacts_;
  std::map<NamedDigest, std::size_t> by_digest_;
  std::map<std::string, std::size_t> by_name_;  // the first artefact of that name
};

std::vector<Line> read_lines(std::string_view jsonl, ProvenanceReport& report) {
  std::vector<Line> lines;
  std::vector<std::string_view> texts = split(jsonl, '\n');
  if (texts.back().empty()) texts.pop_back();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto said = texts[i].find_first_not_of(" \t\r") == std::string_view::npos
                    ? fail(refused(rules::provenance_form, "a line is empty"))
                    : parse_provenance(texts[i]);
    if (said) {
      lines.push_back({i + 1, *std::move(said)});
    } else {
      report.problems.push_back({i + 1, std::move(said).error()});
    }
  }
  if (texts.empty())
    report.problems.push_back({1, refused(rules::provenance_nothing, "there is no statement")});
  return lines;
}

}  // namespace

ProvenanceReport check_provenance(std::string_view jsonl) {
  ProvenanceReport report;
  const std::vector<Line> lines = read_lines(jsonl, report);
  report.statements = lines.size();
  if (!report.problems.empty()) return report;
  report.graph_checked = true;
  Graph graph(report);
  for (const Line& line : lines) graph.enter(line);
  for (const Line& line : lines) graph.connect(line);
  graph.find_cycle();
  graph.count();
  std::ranges::sort(report.problems, {}, [](const ProvenanceProblem& problem) {
    return std::tuple(problem.line, problem.why.where, problem.why.rule.name);
  });
  return report;
}

}  // namespace attest::lineage
