#include "libattest/appraisal/explain.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::appraisal {

namespace {

using reference::KnownDigest;
using reference::ReferenceValues;

struct Known {
  const KnownDigest* digest;
  const ReferenceValues* values;

  std::string name() const {
    return values->id + (digest->name.empty() ? "" : ", \"" + printable(digest->name, 100) + "\"");
  }
};

using Member = std::map<HashAlgorithm, reference::DigestsByPcr> ReferenceValues::*;

std::vector<Known> known_of(std::span<const ReferenceValues> all, Member member, HashAlgorithm bank,
                            unsigned pcr) {
  std::vector<Known> known;
  for (const ReferenceValues& values : all) {
    const auto of_bank = (values.*member).find(bank);
    if (of_bank == (values.*member).end()) continue;
    const auto digests = of_bank->second.find(pcr);
    if (digests == of_bank->second.end()) continue;
    for (const KnownDigest& digest : digests->second) known.push_back({&digest, &values});
  }
  return known;
}

const Known* find(const std::vector<Known>& known, ByteView digest) {
  const auto found = std::ranges::find_if(
      known, [&](const Known& each) { return equal(each.digest->digest, digest); });
  return found == known.end() ? nullptr : &*found;
}

std::optional<HashAlgorithm> common_bank(const tpm::PcrValues& replayed,
                                         std::span<const ReferenceValues> values) {
  std::optional<HashAlgorithm> strongest;
  for (const ReferenceValues& each : values)
    for (const auto& [bank, pcrs] : each.pcrs)
      if (replayed.banks().contains(bank) && (!strongest || bank > *strongest)) strongest = bank;
  return strongest;
}

// explain_events adds the events of one PCR, and gives why the PCR may have missed.
std::string explain_events(const tpm::UntrustedEventLog& log, HashAlgorithm bank, unsigned pcr,
                           const std::vector<Known>& known, std::vector<EventExplanation>& events) {
  std::vector<Known> absent = known;
  std::string first_unknown;
  for (const tpm::Event& event : log.events()) {
    if (event.pcr != pcr || !event.extends()) continue;
    const Known* match = find(known, event.digest(bank));
    events.push_back({event.number, pcr, tpm::describe(event), match != nullptr,
                      match != nullptr ? match->name() : ""});
    std::erase_if(
        absent, [&](const Known& each) { return equal(each.digest->digest, event.digest(bank)); });
    if (match == nullptr && first_unknown.empty())
      first_unknown = "event " + std::to_string(event.number) +
                      " is in no reference value: " + tpm::describe(event) + ", " +
                      to_hex(event.digest(bank));
  }
  if (known.empty()) return "the reference values list no events that could say why";
  if (!first_unknown.empty()) return first_unknown;
  if (!absent.empty()) return "an event is missing: " + absent.front().name();
  return "every event is known; they came in another order, or more or less often";
}

}  // namespace

bool Explanation::satisfied() const {
  return !pcrs.empty() && std::ranges::all_of(pcrs, &PcrExplanation::met);
}

Result<Explanation> explain(const tpm::UntrustedEventLog& log,
                            std::span<const reference::ReferenceValues> values) {
  const tpm::PcrValues replayed = tpm::replay(log);
  const auto bank = common_bank(replayed, values);
  if (!bank)
    return fail(
        incomplete(rules::explain_bank, "the log and the reference values have no bank in common"));
  Explanation explanation;
  explanation.bank = *bank;
  for (unsigned pcr = 0; pcr < reference::pcr_count; ++pcr) {
    const std::vector<Known> known = known_of(values, &ReferenceValues::pcrs, *bank, pcr);
    if (known.empty()) continue;
    PcrExplanation one;
    one.pcr = pcr;
    for (const Known& each : known)
      one.expected.push_back(to_hex(each.digest->digest) + " (" + each.name() + ")");
    if (const Bytes* value = replayed.find(*bank, pcr)) {
      one.found = *value;
      if (const Known* match = find(known, *value)) {
        one.met = true;
        one.by = match->name();
      }
    }
    const std::string why =
        explain_events(log, *bank, pcr, known_of(values, &ReferenceValues::events, *bank, pcr),
                       explanation.events);
    if (!one.met) one.why = one.found.empty() ? "the log has no events for it" : why;
    explanation.pcrs.push_back(std::move(one));
  }
  return explanation;
}

}  // namespace attest::appraisal
