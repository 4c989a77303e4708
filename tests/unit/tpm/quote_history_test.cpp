#include "libattest/tpm/quote_history.h"

#include "tests/support/catch.h"
#include "tests/unit/tpm/made_quote.h"

namespace attest::tpm {
namespace {

QuoteMark mark(ClockInfo clock, std::uint64_t firmware = 7, std::byte pcr4 = std::byte{1}) {
  QuoteMark made{clock, firmware, {}};
  must(made.pcrs.set(PcrBank::sha256, 4, Bytes(32, pcr4)));
  must(made.pcrs.set(PcrBank::sha256, 10, Bytes(32, pcr4)));
  return made;
}

const QuoteMark before = mark({.clock = 1000, .reset_count = 5, .restart_count = 2, .safe = true});

TEST_CASE("the time between two quotes is told in words") {
  struct Case {
    QuoteMark now;
    bool acceptable;
    std::string words;
  };
  const std::vector<Case> cases{
      {mark({2000, 5, 2, true}), true, "same boot"},
      {mark({2000, 5, 3, true}), true, "suspend"},
      {mark({2000, 6, 0, true}), true, "rebooted (resetCount 5"},
      {mark({2000, 6, 0, true}, 8), true, "the TPM's firmware was updated"},
      {mark({900, 6, 0, false}), true, "power cut"},
      {mark({900, 5, 2, true}), false, "older than"},
      {mark({2000, 4, 2, true}), false, "older than"},
      {mark({900, 6, 0, true}), false, "not the clock of one TPM"},
      {mark({900, 5, 3, true}), false, "not the clock of one TPM"},
      {mark({900, 7, 0, true}), true, "power cut"},
      {mark({900, 6, 1, true}), true, "by a start between"},
      {mark({900, 5, 4, true}), true, "power cut"},
      {mark({2000, 5, 2, true}, 8), false, "without a reset"},
      {mark({2000, 6, 0, true}, 7, std::byte{2}), true, "booted from other files"},
  };
  for (const Case& each : cases) {
    const QuoteHistory history = compare_quotes(before, each.now);
    INFO(history.words);
    REQUIRE(history.acceptable() == each.acceptable);
    REQUIRE(history.words.find(each.words) != std::string::npos);
  }
}

TEST_CASE("firmware PCRs that change in one boot are a sign of compromise, others are not") {
  QuoteMark now = mark({2000, 5, 2, true}, 7, std::byte{2});
  REQUIRE(compare_quotes(before, now).changed_in_one_boot);
  REQUIRE(compare_quotes(before, now).words.find("compromise") != std::string::npos);
  must(now.pcrs.set(PcrBank::sha256, 4, Bytes(32, std::byte{1})));
  const QuoteHistory only_ima = compare_quotes(before, now);
  REQUIRE_FALSE(only_ima.changed_in_one_boot);
  REQUIRE(only_ima.changed_pcrs == PcrSet{10});
}

}  // namespace
}  // namespace attest::tpm
