#include "libattest/appraisal/pcr_checks.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::appraisal {

namespace {

using reference::KnownDigest;
using reference::ReferenceValues;

constexpr std::size_t shown_at_most = 4;  // known values in one message

// Known is a reference digest and the ledger entry it stands in.
struct Known {
  const KnownDigest* digest;
  std::uint64_t index;
};

using Member = std::map<HashAlgorithm, reference::DigestsByPcr> ReferenceValues::*;

std::vector<Known> known_of(const PcrInputs& inputs, Member member, unsigned pcr) {
  std::vector<Known> known;
  for (const ProvenReferenceValues& proven : inputs.reference_values) {
    if (proven.values().platform != inputs.policy.platform) continue;
    const auto& banks = proven.values().*member;
    const auto bank = banks.find(inputs.policy.bank);
    if (bank == banks.end()) continue;
    const auto digests = bank->second.find(pcr);
    if (digests == bank->second.end()) continue;
    for (const KnownDigest& digest : digests->second) known.push_back({&digest, proven.index()});
  }
  return known;
}

bool is_known(const std::vector<Known>& known, ByteView digest) {
  return std::ranges::any_of(known,
                             [&](const Known& each) { return equal(each.digest->digest, digest); });
}

std::string shown(HashAlgorithm bank, ByteView digest) {
  return std::string(hash_name(bank)) + " " + to_hex(digest);
}

std::string shown(HashAlgorithm bank, const std::vector<Known>& known) {
  std::string text;
  for (std::size_t i = 0; i < known.size() && i < shown_at_most; ++i) {
    if (i > 0) text += ", ";
    text += shown(bank, known[i].digest->digest) + " (reference " + std::to_string(known[i].index);
    if (!known[i].digest->name.empty())
      text += ", \"" + printable(known[i].digest->name, 60) + "\"";
    text += ")";
  }
  if (known.size() > shown_at_most)
    text += " and " + std::to_string(known.size() - shown_at_most) + " more";
  return text;
}

std::string named(const tpm::Event& event) {
  return "event " + std::to_string(event.number) + ", " + tpm::describe(event);
}

// Difference is what can be said about a PCR that equals no reference value.
struct Difference {
  std::string why;
  std::string expected;
  std::string found;
};

// compare_events looks for the first event of the PCR that no reference value knows.
Difference compare_events(const PcrInputs& inputs, unsigned pcr,
                          const std::vector<tpm::Event>& events) {
  const HashAlgorithm bank = inputs.policy.bank;
  const std::vector<Known> known = known_of(inputs, &ReferenceValues::events, pcr);
  if (known.empty()) return {"the reference values list no events that could say which", "", ""};

  std::vector<Known> absent = known;
  const tpm::Event* unknown = nullptr;
  for (const tpm::Event& event : events) {
    if (event.pcr != pcr || !event.extends()) continue;
    const ByteView digest = event.digest(bank);
    std::erase_if(absent, [&](const Known& each) { return equal(each.digest->digest, digest); });
    if (!unknown && !is_known(known, digest)) unknown = &event;
  }
  if (unknown)
    return {named(*unknown), shown(bank, absent.empty() ? known : absent),
            shown(bank, unknown->digest(bank))};
  if (!absent.empty())
    return {"every event is known, but one is missing", shown(bank, absent), "no such event"};
  return {"every event is known, but they came in another order or more than once", "", ""};
}

// The quoted value goes beyond what the node's own log leads to: then no event of the log is to
// blame, and no other boot either.
bool extended_after_log(const PcrInputs& inputs, unsigned pcr, const std::vector<Known>& known) {
  const auto& log = inputs.evidence.claimed_event_log();
  if (!log || inputs.evidence.event_log()) return false;
  const tpm::PcrValues replayed = tpm::replay(*log);
  const Bytes* value = replayed.find(inputs.policy.bank, pcr);
  return value && is_known(known, *value);
}

Difference after_log(const PcrInputs& inputs, unsigned pcr) {
  const tpm::Event* last = nullptr;
  for (const tpm::Event& event : inputs.evidence.claimed_event_log()->events())
    if (event.pcr == pcr && event.extends()) last = &event;
  std::string why = "something was extended into it after the log's last event for it";
  if (last) why += " (" + named(*last) + ")";
  return {why + ": a change at run time, not another boot", "", ""};
}

Difference explain(const PcrInputs& inputs, unsigned pcr, const std::vector<Known>& known) {
  const VerifiedEvidence& evidence = inputs.evidence;
  if (extended_after_log(inputs, pcr, known)) return after_log(inputs, pcr);
  Difference difference;
  if (evidence.event_log()) {
    difference = compare_events(inputs, pcr, evidence.event_log()->events());
  } else if (evidence.claimed_event_log()) {
    difference = compare_events(inputs, pcr, evidence.claimed_event_log()->events());
    difference.why += " (by the node's own log, which the PCRs do not vouch for)";
  } else {
    difference.why = "there is no event log that could say why";
  }
  if (!inputs.since_last.empty()) difference.why += "; " + inputs.since_last;
  return difference;
}

void check_pcr(const PcrInputs& inputs, unsigned pcr, const Bytes& value, Checks& checks,
               std::set<std::uint64_t>& relied_on) {
  const std::string name = "boot.pcr." + std::to_string(pcr);
  const std::string title = "PCR " + std::to_string(pcr);
  const HashAlgorithm bank = inputs.policy.bank;
  const std::vector<Known> known = known_of(inputs, &ReferenceValues::pcrs, pcr);
  if (known.empty()) {
    checks.cannot_tell(name,
                       "there is no reference value for " + title + " of platform \"" +
                           inputs.policy.platform + "\"",
                       "a reference value in the ledger", shown(bank, value));
    return;
  }
  const auto match = std::ranges::find_if(
      known, [&](const Known& each) { return equal(each.digest->digest, value); });
  if (match != known.end()) {
    relied_on.insert(match->index);
    checks.pass(name, title + " equals reference " + std::to_string(match->index));
    return;
  }
  Difference difference = explain(inputs, pcr, known);
  if (difference.found.empty()) difference.found = shown(bank, value);
  if (difference.expected.empty()) difference.expected = shown(bank, known);
  checks.refuse(name, title + " differs from every reference value; " + difference.why,
                std::move(difference.expected), std::move(difference.found));
}

}  // namespace

std::set<std::uint64_t> check_pcrs(const PcrInputs& inputs, Checks& checks) {
  const Policy& policy = inputs.policy;
  const tpm::PcrValues& pcrs = inputs.evidence.quote().pcrs();
  std::set<std::uint64_t> relied_on;
  tpm::PcrSet missing;
  for (const unsigned pcr : policy.required_pcrs.indexes())
    if (!pcrs.find(policy.bank, pcr)) missing.insert(pcr);
  const std::string wanted =
      std::string(hash_name(policy.bank)) + ":" + policy.required_pcrs.to_string();
  if (missing.empty()) {
    checks.pass("boot.quoted", "the quote covers " + wanted);
  } else {
    checks.refuse("boot.quoted", "the quote leaves out PCRs that the policy requires", wanted,
                  inputs.evidence.quote().selection().to_string());
  }
  for (const unsigned pcr : policy.required_pcrs.indexes())
    if (const Bytes* value = pcrs.find(policy.bank, pcr))
      check_pcr(inputs, pcr, *value, checks, relied_on);
  return relied_on;
}

}  // namespace attest::appraisal
