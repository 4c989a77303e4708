#include "libattest/base/bytes.h"

#include "libattest/base/time.h"
#include "tests/support/catch.h"

using namespace attest;

TEST_CASE("hexadecimal text of an odd length or with foreign characters is refused") {
  REQUIRE(to_hex(must(from_hex("00ffAb"))) == "00ffab");
  REQUIRE_RULE(from_hex("0"), rules::hex_form);
  REQUIRE_RULE(from_hex("0g"), rules::hex_form);
}

TEST_CASE("base64 agrees with the vectors of RFC 4648 section 10") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    REQUIRE(to_base64(as_bytes(plain)) == encoded);
    REQUIRE(to_string(must(from_base64(encoded))) == plain);
  }
  REQUIRE(to_base64url(must(from_hex("fbff"))) == "-_8");
}

TEST_CASE("base64 that two texts could stand for is refused") {
  REQUIRE_RULE(from_base64("Zh=="), rules::base64_form);  // bits beyond the last byte
  REQUIRE_RULE(from_base64("Zg="), rules::base64_form);   // padding missing
  REQUIRE_RULE(from_base64("Zg==\n"), rules::base64_form);
  REQUIRE_RULE(from_base64("Z-_="), rules::base64_form);  // the other alphabet
  REQUIRE_RULE(from_base64url("Zg=="), rules::base64_form);
  REQUIRE_RULE(from_base64("===="), rules::base64_form);
}

TEST_CASE("a reader never passes the end and names the field that was cut short") {
  const Bytes three = must(from_hex("010203"));
  ByteReader reader(three, 100);
  REQUIRE(must(reader.u16_be("length")) == 0x0102);
  const auto cut = reader.u32_le("count");
  REQUIRE_RULE(cut, rules::bytes_truncated);
  REQUIRE(cut.error().to_string() == "offset 102: count is cut short: expected 4 bytes, found 1");
  REQUIRE_RULE(reader.take(UINT64_MAX, "data"), rules::bytes_truncated);
  REQUIRE_RULE(reader.finish("header"), rules::bytes_trailing);
  REQUIRE(must(reader.u8("last")) == 3);
  REQUIRE_OK(reader.finish("header"));
}

TEST_CASE("times are read in one form and written back the same") {
  REQUIRE(unix_seconds(must(parse_time("2026-11-21T10:02:00Z"))) == 1795255320);
  REQUIRE(to_rfc3339(must(parse_time("@1795255320"))) == "2026-11-21T10:02:00Z");
  REQUIRE(to_minutes(must(parse_time("2026-11-21"))) == "2026-11-21 00:00 UTC");
  for (const char* bad : {"2026-02-30", "2026-11-21T10:02:00", "2026-11-21T24:00:00Z", "@-1",
                          "2026-11-21 10:02:00Z", "", "@", "26-11-21"})
    REQUIRE_RULE(parse_time(bad), rules::time_form);
  REQUIRE(must(parse_span("15m")) == Seconds(900));
  REQUIRE_RULE(parse_span("15"), rules::time_form);
  REQUIRE(to_words(Seconds(12 * 86400 + 4 * 3600)) == "12 d 4 h");
}
