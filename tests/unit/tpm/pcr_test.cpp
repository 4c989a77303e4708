#include "libattest/tpm/pcr.h"

#include "libattest/tpm/clock.h"
#include "tests/support/catch.h"

namespace attest::tpm {
namespace {

TEST_CASE("a selection reads back as it is written") {
  const PcrSelection selection = must(parse_selection("sha256:0,1,7+sha1:4"));
  REQUIRE(selection.to_string() == "sha256:0,1,7+sha1:4");
  REQUIRE(selection.contains(PcrBank::sha1, 4));
  REQUIRE_FALSE(selection.contains(PcrBank::sha256, 4));
}

TEST_CASE("selections are compared by what they choose, not by the order of banks") {
  const PcrSelection one = must(parse_selection("sha256:0,1+sha1:4"));
  REQUIRE(one.same_pcrs(must(parse_selection("sha1:4+sha256:1,0"))));
  REQUIRE_FALSE(one.same_pcrs(must(parse_selection("sha256:0,1"))));
}

TEST_CASE("what is no selection is refused") {
  for (const char* text : {"", "sha256", "sha256:", "sha256:24", "sha256:-1", "sha256:0x1",
                           "sha256:0+sha256:1", "sha256:0,,1"}) {
    INFO(text);
    REQUIRE_RULE(parse_selection(text), rules::pcr_form);
  }
  REQUIRE_RULE(parse_selection("md5:0"), rules::hash_unknown);
}

TEST_CASE("PCR values travel as CBOR and come back") {
  PcrValues values;
  must(values.set(PcrBank::sha256, 0, Bytes(32, std::byte{1})));
  must(values.set(PcrBank::sha256, 23, Bytes(32, std::byte{2})));
  must(values.set(PcrBank::sha1, 4, Bytes(20, std::byte{3})));
  const Bytes cbor = encode_pcrs(values);
  REQUIRE(must(parse_pcrs(cbor)) == values);
  for (std::size_t size = 0; size < cbor.size(); ++size)
    REQUIRE_FALSE(parse_pcrs(ByteView(cbor).first(size)));
}

TEST_CASE("PCR values of a wrong length, index or type are refused") {
  PcrValues values;
  REQUIRE_RULE(values.set(PcrBank::sha256, 0, Bytes(20)), rules::pcr_form);
  REQUIRE_RULE(values.set(PcrBank::sha256, 24, Bytes(32)), rules::pcr_form);
  REQUIRE_RULE(parse_pcrs(must(from_hex("80"))), rules::pcr_form);
  // {"sha256": {24: h''}} and {"sha256": {0: h'00'}}
  REQUIRE_RULE(parse_pcrs(must(from_hex("a166736861323536a1181840"))), rules::pcr_form);
  REQUIRE_RULE(parse_pcrs(must(from_hex("a166736861323536a1004100"))), rules::pcr_form);
}

TEST_CASE("a digest over a PCR without a value is refused") {
  PcrValues values;
  must(values.set(PcrBank::sha256, 0, Bytes(32)));
  const PcrSelection both{{{PcrBank::sha256, {0, 1}}}};
  REQUIRE_RULE(pcr_digest(HashAlgorithm::sha256, both, values), rules::pcr_missing);
  must(values.set(PcrBank::sha256, 1, Bytes(32)));
  REQUIRE_OK(pcr_digest(HashAlgorithm::sha256, both, values));
}

TEST_CASE("raw values must fit the selection exactly") {
  const PcrSelection selection = must(parse_selection("sha256:0,4"));
  REQUIRE_OK(pcrs_from_raw(selection, Bytes(64)));
  REQUIRE_FALSE(pcrs_from_raw(selection, Bytes(63)));
  REQUIRE_FALSE(pcrs_from_raw(selection, Bytes(65)));
}

TEST_CASE("the clock tells a reboot, a suspend, a power cut and a replay apart") {
  const ClockInfo before{.clock = 3900, .reset_count = 5, .restart_count = 1, .safe = true};
  const auto change = [&](ClockInfo now) { return compare_clocks(before, now); };
  REQUIRE(change({3900, 5, 1, true}) == ClockChange::advanced);
  REQUIRE(change({4000, 5, 1, true}) == ClockChange::advanced);
  REQUIRE(change({4000, 5, 2, true}) == ClockChange::resumed);
  REQUIRE(change({4000, 6, 0, true}) == ClockChange::rebooted);
  REQUIRE(change({3870, 6, 0, false}) == ClockChange::power_cut);
  REQUIRE(change({3870, 5, 2, false}) == ClockChange::power_cut);
  REQUIRE(change({3899, 5, 1, true}) == ClockChange::replayed);
  REQUIRE(change({4000, 4, 1, true}) == ClockChange::replayed);
  REQUIRE(change({4000, 5, 0, true}) == ClockChange::replayed);
  REQUIRE(change({3870, 6, 0, true}) == ClockChange::inconsistent);
  REQUIRE(in_words(ClockChange::rebooted, before, {4000, 6, 0, true}) ==
          "rebooted (resetCount 5 → 6)");
  REQUIRE_FALSE(is_acceptable(ClockChange::replayed));
  REQUIRE(is_acceptable(ClockChange::power_cut));
}

}  // namespace
}  // namespace attest::tpm
