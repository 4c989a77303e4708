#include "libattest/base/json.h"

#include "tests/support/catch.h"

using namespace attest;

TEST_CASE("a member name that occurs twice is refused, also when one is escaped") {
  REQUIRE_RULE(parse_json(R"({"a":1,"a":2})"), rules::json_duplicate);
  REQUIRE_RULE(parse_json(R"({"a":1,"\u0061":2})"), rules::json_duplicate);
  REQUIRE_RULE(parse_json(R"({"x":[{"a":1,"a":2}]})"), rules::json_duplicate);
  REQUIRE_OK(parse_json(R"({"x":{"a":1},"y":{"a":2}})"));
}

TEST_CASE("depth and size are bounded, whatever the input") {
  REQUIRE_RULE(parse_json(std::string(100000, '[')), rules::json_depth);
  REQUIRE_RULE(parse_json("[1,2,3]", {.size = 6, .depth = 8}), rules::json_size);
}

TEST_CASE("anything beside one JSON value is refused") {
  for (const char* text :
       {"", "{", "[1,]", "{} {}", "\xef\xbb\xbf{}", "nul", "\"\xff\"", "01", "{'a':1}"})
    REQUIRE_RULE(parse_json(text), rules::json_form);
}

TEST_CASE("values keep their structure") {
  const Json value = must(parse_json(R"({"a":[1,{"b":"ü"},null,-2,1.5,true]})"));
  REQUIRE(to_line(value) == R"({"a":[1,{"b":"ü"},null,-2,1.5,true]})");
}

TEST_CASE("a strict schema names unknown members") {
  const Json value = must(parse_json(R"({"a":1,"b":"x"})"));
  JsonFields fields = must(JsonFields::of(value, "policy"));
  REQUIRE(must(fields.unsigned_integer("a")) == 1);
  REQUIRE(fields.finish().error().to_string() == "policy: unknown member \"b\"");
}
