#include "libattest/appraisal/explain.h"

#include "tests/support/catch.h"
#include "tests/support/test_quote.h"

using namespace attest;
using namespace attest::appraisal;

namespace {

tpm::UntrustedEventLog boot(std::string_view loader) {
  test::TestTpm tpm;
  tpm.boot(true, sha256(as_bytes(loader)));
  return must(tpm::parse_event_log(tpm.event_log()));
}

reference::ReferenceValues values_of(const tpm::UntrustedEventLog& log) {
  reference::ReferenceValues values{"good-1", "board", "a good boot", {}, {}};
  const tpm::PcrValues replayed = tpm::replay(log);
  for (const auto& [index, value] : replayed.banks().at(HashAlgorithm::sha256))
    values.pcrs[HashAlgorithm::sha256][index] = {{value, "good"}};
  for (const tpm::Event& event : log.events())
    if (event.extends())
      values.events[HashAlgorithm::sha256][event.pcr].push_back(
          {to_bytes(event.digest(HashAlgorithm::sha256)), tpm::describe(event)});
  return values;
}

TEST_CASE("a boot that reference values were made of meets them all") {
  const auto log = boot("grub");
  const std::vector values{values_of(log)};
  const Explanation explanation = must(explain(log, values));
  REQUIRE(explanation.satisfied());
  for (const EventExplanation& event : explanation.events) REQUIRE(event.known);
}

TEST_CASE("another boot loader misses PCR 4, with the event that nobody knows and what would do") {
  const std::vector values{values_of(boot("grub"))};
  const Explanation explanation = must(explain(boot("other"), values));
  REQUIRE_FALSE(explanation.satisfied());
  for (const PcrExplanation& pcr : explanation.pcrs) {
    INFO(pcr.pcr << " " << pcr.why);
    REQUIRE(pcr.met == (pcr.pcr != 4));
    if (pcr.met) continue;
    REQUIRE(pcr.why.find("is in no reference value") != std::string::npos);
    REQUIRE(pcr.expected.size() == 1);
    REQUIRE(pcr.expected.front().find("good-1") != std::string::npos);
  }
}

TEST_CASE("values of another bank explain nothing") {
  auto values = values_of(boot("grub"));
  values.pcrs[HashAlgorithm::sha384] = {};
  values.pcrs.erase(HashAlgorithm::sha256);
  const std::vector all{values};
  const auto explanation = explain(boot("grub"), all);
  REQUIRE_RULE(explanation, rules::explain_bank);
  REQUIRE(explanation.error().kind == ErrorKind::incomplete);
}

}  // namespace
