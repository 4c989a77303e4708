#include "libattest/base/cbor.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::cbor;

namespace {
Result<Value> decode_hex(std::string_view hex, Form form = Form::strict) {
  return decode(must(from_hex(hex)), form);
}
}  // namespace

TEST_CASE("values of RFC 8949 appendix A are read and written back to the same bytes") {
  for (const char* hex : {"00",
                          "17",
                          "1818",
                          "1903e8",
                          "1a000f4240",
                          "1b000000e8d4a51000",
                          "1bffffffffffffffff",
                          "20",
                          "3903e7",
                          "3bffffffffffffffff",
                          "f90000",
                          "f98000",
                          "f93c00",
                          "fb3ff199999999999a",
                          "f97bff",
                          "fa47c35000",
                          "fa7f7fffff",
                          "fb7e37e43c8800759c",
                          "f90001",
                          "f90400",
                          "f9c400",
                          "f97c00",
                          "f97e00",
                          "f9fc00",
                          "f4",
                          "f5",
                          "f6",
                          "f7",
                          "c074323031332d30332d32315432303a30343a30305a",
                          "4401020304",
                          "6449455446",
                          "62c3bc",
                          "83010203",
                          "8301820203820405",
                          "a201020304",
                          "a26161016162820203",
                          "80",
                          "a0"}) {
    INFO(hex);
    REQUIRE(to_hex(encode(must(decode_hex(hex, Form::deterministic)))) == hex);
  }
}

TEST_CASE("every tag is read, tags 0 to 23 too") {
  for (std::uint64_t tag = 0; tag < 300; ++tag) {
    const Value value = must(decode(encode(Value::tagged(tag, 1))));
    REQUIRE(value.as_tagged());
    REQUIRE(value.as_tagged()->tag == tag);
  }
}

TEST_CASE("what could be written in two ways is refused") {
  REQUIRE_RULE(decode_hex("1800"), rules::cbor_not_shortest);
  REQUIRE_RULE(decode_hex("1900ff"), rules::cbor_not_shortest);
  REQUIRE_RULE(decode_hex("5801aa"), rules::cbor_not_shortest);
  REQUIRE_RULE(decode_hex("9f01ff"), rules::cbor_indefinite);
  REQUIRE_RULE(decode_hex("5f4101ff"), rules::cbor_indefinite);
  REQUIRE_RULE(decode_hex("bf0102ff"), rules::cbor_indefinite);
  REQUIRE_RULE(decode_hex("fa3f800000", Form::deterministic), rules::cbor_not_shortest);
}

TEST_CASE("duplicate map keys are refused in either form, disorder only in the deterministic one") {
  REQUIRE_RULE(decode_hex("a201020103"), rules::cbor_duplicate);
  REQUIRE_RULE(decode_hex("a3010202030104"), rules::cbor_duplicate);
  REQUIRE_RULE(decode_hex("a201020103", Form::deterministic), rules::cbor_duplicate);
  REQUIRE_OK(decode_hex("a202010102"));
  REQUIRE_RULE(decode_hex("a202010102", Form::deterministic), rules::cbor_order);
}

TEST_CASE("lengths that lie cost nothing and are refused") {
  REQUIRE_RULE(decode_hex("9b7fffffffffffffff00"), rules::cbor_truncated);
  REQUIRE_RULE(decode_hex("bb7fffffffffffffff00"), rules::cbor_truncated);
  REQUIRE_RULE(decode_hex("5b7fffffffffffffff00"), rules::cbor_truncated);
  REQUIRE_RULE(decode_hex(""), rules::cbor_truncated);
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "81";
  REQUIRE_RULE(decode_hex(nested + "00"), rules::cbor_depth);
  REQUIRE_RULE(decode(Bytes(100, std::byte{0x80}), Form::strict, {}), rules::cbor_trailing);
  REQUIRE_RULE(decode(must(from_hex("8400000000")), Form::strict, {.depth = 4, .items = 4}),
               rules::cbor_items);
}

TEST_CASE("trailing bytes and broken UTF-8 are refused") {
  REQUIRE_RULE(decode_hex("0000"), rules::cbor_trailing);
  REQUIRE_RULE(decode_hex("62c328"), rules::cbor_utf8);
  REQUIRE_RULE(decode_hex("63eda080"), rules::cbor_utf8);
}

TEST_CASE("a strict schema names what is missing, of another type, or unknown") {
  const Value value = Map{{"nonce", Bytes(32)}, {"size", 7}, {"extra", true}};
  Fields fields = must(Fields::of(value, "challenge"));
  REQUIRE(must(fields.bytes("nonce", 32)).size() == 32);
  REQUIRE_RULE(fields.bytes("nonce", 16), rules::cbor_schema);
  REQUIRE(fields.text("size").error().to_string() ==
          "challenge: member \"size\" has the wrong type: expected a text string, found unsigned "
          "integer");
  REQUIRE(fields.text("gone").error().to_string() == "challenge: member \"gone\" is missing");
  REQUIRE(fields.finish().error().to_string() == "challenge: unknown member \"extra\"");
}
