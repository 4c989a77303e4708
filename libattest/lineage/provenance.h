// SLSA provenance of models (https://slsa.dev/provenance/v1 in an in-toto Statement v1): one
// statement says of which parents its subjects were made, in buildDefinition.resolvedDependencies.
//
// Nothing here is signed: what is read is a claim, and check_provenance (provenance_graph.h) tells
// whether many such claims can be true together. Plain values, usable from any thread.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/result.h"

namespace attest::lineage {

struct NamedDigest {
  std::string algorithm;  // "sha256", "sha512", …: only those that still bind
  std::string hex;        // lower case, of the algorithm's whole length
  std::string text() const { return algorithm + ":" + hex; }
  friend auto operator<=>(const NamedDigest&, const NamedDigest&) = default;
};

// A file as a statement names it. The name is for people; the digests are its identity.
struct ProvenanceArtefact {
  std::string name;                  // may be empty
  std::vector<NamedDigest> digests;  // at least one, SHA-256 first where it is there
};

struct UntrustedProvenance {
  std::vector<ProvenanceArtefact> subjects;
  std::string build_type;
  std::string relation;  // externalParameters.relation; may be empty
  std::vector<ProvenanceArtefact> parents;
};

// parse_provenance reads one statement. Errors say the field in `where`, as
// "predicate.buildDefinition.resolvedDependencies[2].digest". It refuses, in this order:
//   - what is no strict JSON of an in-toto Statement v1 with an SLSA provenance v1 predicate, its
//     build type, external parameters and builder (rules::provenance_form and the JSON rules);
//   - a subject without a digest that binds (rules::provenance_weak_subject), or twice
//     (rules::provenance_subject_twice);
//   - a parent named by URI, name, SHA-1, MD5 or nothing alone (rules::provenance_weak_parent), or
//     twice (rules::provenance_parent_twice);
//   - a digest that is not the whole of what its algorithm gives (rules::provenance_digest);
//   - a relation that makes something of a parent and names none (rules::provenance_no_parent).
// Members it does not know are passed over, as in-toto asks.
Result<UntrustedProvenance> parse_provenance(std::string_view json);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule provenance_form{"lineage.provenance.form"};
inline constexpr Rule provenance_weak_subject{"lineage.provenance.weak-subject"};
inline constexpr Rule provenance_subject_twice{"lineage.provenance.subject-twice"};
inline constexpr Rule provenance_weak_parent{"lineage.provenance.weak-parent"};
inline constexpr Rule provenance_parent_twice{"lineage.provenance.parent-twice"};
inline constexpr Rule provenance_digest{"lineage.provenance.digest"};
inline constexpr Rule provenance_no_parent{"lineage.provenance.no-parent"};
}  // namespace attest::rules
