#include "libattest/hardware/custody.h"

#include <algorithm>
#include <map>

namespace attest::hardware {

namespace {

using statement::Custody;
using statement::CustodyEvent;

std::string entry(std::uint64_t index) {
  return "entry " + std::to_string(index);
}

// Walks the statements of one device in ledger order. What breaks a rule becomes a finding and has
// no effect.
class Walk {
 public:
  explicit Walk(const CustodyPolicy& policy) : policy_(policy) {}

  void take(const ProvenStatement& statement, const Custody& said) {
    CustodyStep step{statement.index(), sha256(statement->bytes()), statement->issuer(), said};
    const Status status = check(step);
    known_.emplace(step.digest, step.index);
    if (!status) {
      verdict_.findings.push_back(Error(status.error()).within(entry(step.index)));
      return;
    }
    check_policy(step);
    apply(step);
    followed_by_[step.said.previous] = {step.index, step.said.event};
    verdict_.steps.push_back(std::move(step));
  }

  void take(const ProvenStatement& statement, const statement::Inspection& said) {
    inspections_.push_back({statement->issuer(), statement.index(), said});
  }

  CustodyVerdict finish(const statement::Subject& device) {
    if (verdict_.steps.empty() && verdict_.findings.empty())
      add(refused(rules::custody_unclaimed, "nobody says whose this device is")
              .within(device.text()));
    if (verdict_.pending)
      add(refused(rules::custody_one_sided, "the last transfer was not accepted")
              .expected("a statement \"received\" by " + *verdict_.pending));
    confirm_place();
    judge_place();
    if (policy_.owner && verdict_.owner != policy_.owner)
      add(refused(rules::custody_owner, "the device belongs to somebody else")
              .expected(*policy_.owner)
              .found(verdict_.owner.value_or("nobody")));
    if (policy_.holder && verdict_.holder != policy_.holder)
      add(refused(rules::custody_holder, "the device is in somebody else's hands")
              .expected(*policy_.holder)
              .found(verdict_.holder.value_or("nobody")));
    return std::move(verdict_);
  }

 private:
  struct Follower {
    std::uint64_t index;
    CustodyEvent event;
  };
  struct Seen {
    std::string inspector;
    std::uint64_t index;
    statement::Inspection said;
  };

  void add(Error error) { verdict_.findings.push_back(std::move(error)); }

  std::optional<Sha256> head() const { return verdict_.head(); }

  Status check(const CustodyStep& step) const {
    if (const auto seen = known_.find(step.digest); seen != known_.end())
      return fail(refused(rules::custody_replayed, "this statement was already entered")
                      .found("the same as " + entry(seen->second)));
    TRY_VOID(check_order(step));
    if (verdict_.decommissioned)
      return fail(refused(rules::custody_after_end, "the device was decommissioned before"));
    if (step.said.event == CustodyEvent::made) {
      if (policy_.makers.empty() || policy_.makers.contains(step.party)) return {};
      return fail(refused(rules::custody_maker,
                          "the device was made by nobody policy knows as a "
                          "maker")
                      .found(step.party));
    }
    if (step.said.event == CustodyEvent::received) return check_receiver(step);
    if (verdict_.pending)
      return fail(
          refused(rules::custody_one_sided,
                  "a transfer must be accepted before anything else happens")
              .expected("\"received\" by " + *verdict_.pending)
              .found("\"" + std::string(to_string(step.said.event)) + "\" by " + step.party));
    return check_entitled(step);
  }

  Status check_order(const CustodyStep& step) const {
    if (step.said.event == CustodyEvent::made) {
      if (!head()) return {};
      return fail(refused(rules::custody_made_twice, "the device was made before")
                      .found("by " + verdict_.steps.front().party + ", " +
                             entry(verdict_.steps.front().index)));
    }
    if (!head())
      return fail(refused(rules::custody_unclaimed,
                          "the device's life does not begin with its "
                          "maker's statement"));
    if (step.said.previous == head()) return {};
    const auto follower = followed_by_.find(step.said.previous);
    if (follower == followed_by_.end())
      return fail(refused(rules::custody_gap, "the statement before this one is not there")
                      .expected(to_hex(*head()))
                      .found(to_hex(*step.said.previous)));
    const bool sold_again = is_transfer(step.said.event) && is_transfer(follower->second.event);
    return fail(refused(sold_again ? rules::custody_double_sale : rules::custody_fork,
                        sold_again ? "the device was given away twice"
                                   : "two statements follow the same one")
                    .found("the other is " + entry(follower->second.index)));
  }

  Status check_receiver(const CustodyStep& step) const {
    if (verdict_.pending == step.party) return {};
    return fail(refused(rules::custody_not_receiver, "the device was not given to this party")
                    .expected(verdict_.pending.value_or("no transfer is open"))
                    .found(step.party));
  }

  Status check_entitled(const CustodyStep& step) const {
    const bool as_owner = step.said.event == CustodyEvent::sold ||
                          step.said.event == CustodyEvent::leased ||
                          step.said.event == CustodyEvent::decommissioned;
    const auto& entitled = as_owner ? verdict_.owner : verdict_.holder;
    if (entitled == step.party) return {};
    return fail(refused(rules::custody_not_entitled, std::string("only the present ") +
                                                         (as_owner ? "owner" : "holder") +
                                                         " can say this")
                    .expected(entitled.value_or("nobody"))
                    .found(step.party));
  }

  void check_policy(const CustodyStep& step) {
    for (const auto& party : {std::optional(step.party), step.said.to})
      if (party && policy_.forbidden_parties.contains(*party))
        add(refused(rules::custody_forbidden_party,
                    "the device passed through a party that policy forbids")
                .found(*party)
                .within(entry(step.index)));
    std::optional<std::string> region;
    if (step.said.place) region = step.said.place->region;
    for (const auto& where : {step.said.jurisdiction, region})
      if (where && policy_.forbidden_jurisdictions.contains(*where))
        add(refused(rules::custody_forbidden_jurisdiction,
                    "the device passed through a jurisdiction that policy forbids")
                .found(*where)
                .within(entry(step.index)));
  }

  void apply(const CustodyStep& step) {
    switch (step.said.event) {
      case CustodyEvent::made:
        verdict_.owner = verdict_.holder = step.party;
        break;
      case CustodyEvent::sold:
      case CustodyEvent::shipped:
      case CustodyEvent::leased:
        verdict_.pending = step.said.to;
        pending_sale_ = step.said.event == CustodyEvent::sold;
        break;
      case CustodyEvent::received:
        verdict_.pending.reset();
        verdict_.holder = step.party;
        if (pending_sale_) verdict_.owner = step.party;
        verdict_.place.reset();  // where it stood before is no longer where it stands
        placed_by_.reset();
        break;
      case CustodyEvent::installed:
      case CustodyEvent::moved:
        verdict_.place = PlacedAt{*step.said.place, step.party, step.said.time};
        placed_by_ = step.digest;
        break;
      case CustodyEvent::decommissioned:
        verdict_.decommissioned = true;
        break;
    }
  }

  // Nobody confirms his own word: an inspection by the holder is none.
  void confirm_place() {
    for (const Seen& seen : inspections_) {
      if (!placed_by_ || seen.said.confirms != *placed_by_) continue;
      if (seen.inspector == verdict_.place->party) continue;
      if (seen.said.place.region != verdict_.place->place.region) {
        add(refused(rules::custody_inspection_differs,
                    "an inspector found the device in another region")
                .expected(verdict_.place->place.region)
                .found(seen.said.place.region + ", by " + seen.inspector)
                .within(entry(seen.index)));
        continue;
      }
      verdict_.place->inspector = seen.inspector;
    }
  }

  void judge_place() {
    const bool asked = !policy_.allowed_regions.empty() || policy_.require_inspection;
    if (!asked) return;
    if (!verdict_.place) {
      add(incomplete(rules::custody_no_place, "nobody says where the device is")
              .next("have its holder say so with \"installed\""));
      return;
    }
    const std::string& region = verdict_.place->place.region;
    if (!policy_.allowed_regions.empty() && !policy_.allowed_regions.contains(region)) {
      std::string allowed;
      for (const std::string& each : policy_.allowed_regions)
        allowed += (allowed.empty() ? "" : ", ") + each;
      add(refused(rules::custody_region, "the device is installed outside its region")
              .expected(allowed)
              .found(region));
    }
    if (policy_.require_inspection && !verdict_.place->inspector)
      add(incomplete(rules::custody_not_inspected, "no inspector confirms where the device is"));
  }

  const CustodyPolicy& policy_;
  CustodyVerdict verdict_;
  std::map<Sha256, std::uint64_t> known_;
  std::map<std::optional<Sha256>, Follower> followed_by_;
  std::vector<Seen> inspections_;
  std::optional<Sha256> placed_by_;
  bool pending_sale_ = false;
};

}  // namespace

bool CustodyVerdict::refused() const {
  return std::ranges::any_of(findings,
                             [](const Error& each) { return each.kind == ErrorKind::refused; });
}

std::optional<Sha256> CustodyVerdict::head() const {
  if (steps.empty()) return {};
  return steps.back().digest;
}

CustodyVerdict judge_custody(const statement::Subject& device,
                             std::span<const ProvenStatement> statements,
                             const CustodyPolicy& policy) {
  std::vector<const ProvenStatement*> ordered;
  for (const ProvenStatement& each : statements)
    if (each->subject() == device) ordered.push_back(&each);
  std::ranges::sort(ordered, {}, &ProvenStatement::index);
  Walk walk(policy);
  for (const ProvenStatement* each : ordered) {
    if (const auto* custody = (*each)->as<Custody>()) walk.take(*each, *custody);
    if (const auto* seen = (*each)->as<statement::Inspection>()) walk.take(*each, *seen);
  }
  return walk.finish(device);
}

}  // namespace attest::hardware
