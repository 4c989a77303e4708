// Provenance claims held against each other: can all statements of a file be true together, and
// does everything in it descend from something that is in it too?
//
// Pure and without recursion: thousands of generations and merges of hundreds take milliseconds.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "libattest/lineage/provenance.h"

namespace attest::lineage {

struct ProvenanceProblem {
  std::size_t line = 0;  // from 1
  Error why;             // `where` is the field
};

struct ProvenanceReport {
  std::size_t statements = 0;
  std::size_t artefacts = 0;
  std::size_t roots = 0;  // artefacts of no parent
  std::size_t generations =
      0;  // the longest descent, a root alone being 1; 0 where there are cycles
  std::size_t most_parents = 0;
  std::size_t repeated = 0;                 // statements that say again what another said
  std::vector<ProvenanceProblem> problems;  // in the order of lines; empty: all of it holds
  bool graph_checked = false;  // false where a line could not be read: what is missing is unknown
};

// check_provenance reads statements, one a line, into an empty graph; their order means nothing. A
// last empty line is none. It finds
//   - lines that parse_provenance refuses, an empty one among them (rules::provenance_form), and a
//     file without a statement (rules::provenance_nothing); the rest only where all could be read:
//   - artefacts whose digests under several algorithms contradict each other
//     (rules::provenance_digests_disagree);
//   - one artefact with two origins: another set of parents, build type or relation
//     (rules::provenance_two_origins); the same origin said again is only counted;
//   - a parent that is its own child (rules::provenance_self_parent), that has no statement
//     (rules::provenance_missing_parent), or whose digest is not that of the artefact which its
//     name belongs to (rules::provenance_wrong_digest);
//   - an artefact that is its own ancestor (rules::provenance_cycle), one cycle told.
ProvenanceReport check_provenance(std::string_view jsonl);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule provenance_nothing{"lineage.provenance.nothing"};
inline constexpr Rule provenance_digests_disagree{"lineage.provenance.digests-disagree"};
inline constexpr Rule provenance_two_origins{"lineage.provenance.two-origins"};
inline constexpr Rule provenance_self_parent{"lineage.provenance.self-parent"};
inline constexpr Rule provenance_missing_parent{"lineage.provenance.missing-parent"};
inline constexpr Rule provenance_wrong_digest{"lineage.provenance.wrong-digest"};
inline constexpr Rule provenance_cycle{"lineage.provenance.cycle"};
}  // namespace attest::rules
