// Custody: the life of a device, judged from statements that stand in the ledger.
//
// Pure functions; values may be used from any thread.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "libattest/hardware/proven_statement.h"
#include "libattest/statement/custody.h"

namespace attest::hardware {

struct CustodyPolicy {
  std::set<std::string> makers = {};  // who may say "made"; empty: anyone who may speak at all
  std::set<std::string> forbidden_parties = {};        // issuers that never may have had it
  std::set<std::string> forbidden_jurisdictions = {};  // of parties, and regions of places
  std::set<std::string> allowed_regions = {};          // where it may be now; empty: anywhere
  bool require_inspection = false;                     // its present place must be confirmed
  std::optional<std::string> owner = {};               // who must own it now
  std::optional<std::string> holder = {};              // who must have it now
};

// CustodyStep is one statement that took effect.
struct CustodyStep {
  std::uint64_t index = 0;  // in the ledger
  Sha256 digest{};          // of the statement
  std::string party;        // who signed it
  statement::Custody said;
};

// PlacedAt is a claim of place. It is host-reported: its holder's word, at best confirmed by
// somebody's eyes. It proves no location.
struct PlacedAt {
  statement::Place place;
  std::string party;
  Time time;
  std::optional<std::string> inspector = {};  // who confirmed it
};

struct CustodyVerdict {
  std::vector<CustodyStep> steps;  // in ledger order
  std::vector<Error> findings;     // empty: it passes
  std::optional<std::string> owner;
  std::optional<std::string> holder;   // who has it
  std::optional<std::string> pending;  // to whom it was given, and who has not accepted it yet
  std::optional<PlacedAt> place;
  bool decommissioned = false;

  bool pass() const { return findings.empty(); }
  bool refused() const;
  // head is the digest that the next statement must name.
  std::optional<Sha256> head() const;
};

// judge_custody takes all proven statements about one device, in any order, and checks in ledger
// order:
//   - somebody speaks of the device (rules::custody_unclaimed), first by "made", and once
//     (rules::custody_made_twice), by one of the policy's makers (rules::custody_maker);
//   - each names the one before it: one that was there already is a replay
//   (rules::custody_replayed),
//     a second transfer after the same statement a double sale (rules::custody_double_sale), any
//     other branch a fork (rules::custody_fork), an unknown one a gap (rules::custody_gap);
//   - sold, leased and decommissioned are signed by the present owner, shipped, installed and moved
//     by the present holder (rules::custody_not_entitled);
//   - a transfer is received by the one it names before anything else happens
//     (rules::custody_one_sided, rules::custody_not_receiver);
//   - nothing happens after the device was decommissioned (rules::custody_after_end);
//   - policy: parties, jurisdictions, the present region, its inspection, and who owns and has it
//   now.
// A statement that breaks a rule has no effect; those after it are judged without it. Only
// statements the trust root lets their issuers make can be given here, so strangers cannot disturb
// a chain.
// Not checked: times inside statements, which are claims; that these are all the statements there
// are, which is the caller's to know from the whole log or a status proof.
CustodyVerdict judge_custody(const statement::Subject& device,
                             std::span<const ProvenStatement> statements,
                             const CustodyPolicy& policy = {});

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule custody_unclaimed{"hardware.custody.unclaimed"};
inline constexpr Rule custody_maker{"hardware.custody.maker"};
inline constexpr Rule custody_made_twice{"hardware.custody.made-twice"};
inline constexpr Rule custody_replayed{"hardware.custody.replayed"};
inline constexpr Rule custody_double_sale{"hardware.custody.double-sale"};
inline constexpr Rule custody_fork{"hardware.custody.fork"};
inline constexpr Rule custody_gap{"hardware.custody.gap"};
inline constexpr Rule custody_not_entitled{"hardware.custody.not-entitled"};
inline constexpr Rule custody_one_sided{"hardware.custody.one-sided"};
inline constexpr Rule custody_not_receiver{"hardware.custody.not-receiver"};
inline constexpr Rule custody_after_end{"hardware.custody.after-end"};
inline constexpr Rule custody_forbidden_party{"hardware.custody.forbidden-party"};
inline constexpr Rule custody_forbidden_jurisdiction{"hardware.custody.forbidden-jurisdiction"};
inline constexpr Rule custody_region{"hardware.custody.region"};
inline constexpr Rule custody_no_place{"hardware.custody.no-place"};
inline constexpr Rule custody_not_inspected{"hardware.custody.not-inspected"};
inline constexpr Rule custody_inspection_differs{"hardware.custody.inspection-differs"};
inline constexpr Rule custody_owner{"hardware.custody.owner"};
inline constexpr Rule custody_holder{"hardware.custody.holder"};
}  // namespace attest::rules
