#include "libattest/base/toml.h"

#include "tests/support/catch.h"

using namespace attest;

TEST_CASE("an unknown key is refused with its line, and the key that was meant is named") {
  TomlTable root = must(parse_toml("version = 1\n\nwitneses = [\"a\"]\n", "trust.toml"));
  REQUIRE(must(root.integer("version")) == 1);
  must(root.optional_texts("witnesses"));
  const Status finished = root.finish();
  REQUIRE_RULE(finished, rules::toml_unknown);
  REQUIRE(finished.error().to_string() ==
          "trust.toml:3: unknown key \"witneses\"; did you mean \"witnesses\"?");
}

TEST_CASE("unknown keys are found in tables and in lists of tables, however deep") {
  TomlTable root = must(parse_toml("[a.b]\nx = 1\ny = 2\n", "c.toml"));
  TomlTable inner = must(must(root.table("a")).table("b"));
  must(inner.integer("x"));
  REQUIRE_RULE(root.finish(), rules::toml_unknown);
  must(inner.integer("y"));
  REQUIRE_OK(root.finish());

  TomlTable list = must(parse_toml("[[w]]\nname = \"a\"\n[[w]]\nname = \"b\"\nz = 1\n", "c.toml"));
  for (TomlTable& one : must(list.tables("w"))) must(one.text("name"));
  REQUIRE(list.finish().error().where == "c.toml:5");
}

TEST_CASE("a table nobody asked for is refused as a whole") {
  TomlTable root = must(parse_toml("[server]\nlisten = \"x\"\n", "c.toml"));
  REQUIRE_RULE(root.finish(), rules::toml_unknown);
}

TEST_CASE("a missing key and a wrong type say what was expected, and where") {
  TomlTable root = must(parse_toml("a = \"1\"\nb = 1.5\n", "c.toml"));
  REQUIRE_RULE(root.text("missing"), rules::toml_missing);
  const auto a = root.integer("a");
  REQUIRE_RULE(a, rules::toml_type);
  REQUIRE(a.error().to_string() ==
          "c.toml:1: \"a\" has the wrong type: expected a whole number, found text");
  REQUIRE_RULE(root.integer("b"), rules::toml_type);
  REQUIRE_RULE(root.boolean("a"), rules::toml_type);
  REQUIRE_RULE(root.texts("a"), rules::toml_type);
  REQUIRE_RULE(root.table("a"), rules::toml_type);
  REQUIRE_RULE(root.tables("a"), rules::toml_type);
  REQUIRE_RULE(root.texts("none"), rules::toml_missing);
}

TEST_CASE("values come out as they are written") {
  TomlTable root = must(parse_toml(R"(
text = "ü"
whole = -7
number = 3
yes = true
span = "15m"
short = "250ms"
texts = ["a", "b"]
integers = [0, 4, 7]
date = 2026-11-21
moment = 2026-11-21T10:02:00Z
written = "@60"
)",
                                   "c.toml"));
  REQUIRE(must(root.text("text")) == "ü");
  REQUIRE(must(root.integer("whole")) == -7);
  REQUIRE(must(root.number("number")) == 3.0);
  REQUIRE(must(root.boolean("yes")));
  REQUIRE(must(root.span("span")) == Seconds(900));
  REQUIRE(must(root.short_span("span")) == std::chrono::minutes(15));
  REQUIRE(must(root.short_span("short")).count() == 250);
  REQUIRE(must(root.texts("texts")) == std::vector<std::string>{"a", "b"});
  REQUIRE(must(root.optional_integers("integers")) == std::vector<std::int64_t>{0, 4, 7});
  REQUIRE(must(root.time("date")) == must(parse_time("2026-11-21")));
  REQUIRE(must(root.time("moment")) == must(parse_time("2026-11-21T10:02:00Z")));
  REQUIRE(must(root.time("written")) == from_unix(60));
  REQUIRE_FALSE(must(root.optional_text("absent")).has_value());
  REQUIRE(must(root.optional_texts("absent")).empty());
  REQUIRE(must(root.tables("absent")).empty());
  REQUIRE_OK(root.finish());
}

TEST_CASE("times in other zones and parts of a second are refused, not rounded") {
  TomlTable root =
      must(parse_toml("zone = 2026-11-21T10:02:00+01:00\npart = 2026-11-21T10:02:00.5Z\nlocal = "
                      "2026-11-21T10:02:00\nclock = 10:02:00\n",
                      "c.toml"));
  for (const char* key : {"zone", "part", "local", "clock"})
    REQUIRE_RULE(root.time(key), rules::time_form);
}

TEST_CASE("a wrong span is refused at its line") {
  TomlTable root = must(parse_toml("a = \"soon\"\nb = \"xms\"\nc = \"-5ms\"\n", "c.toml"));
  REQUIRE_RULE(root.span("a"), rules::time_form);
  REQUIRE_RULE(root.short_span("b"), rules::toml_value);
  REQUIRE_RULE(root.short_span("c"), rules::toml_value);
  REQUIRE(root.short_span("c").error().where == "c.toml:3");
}

TEST_CASE("what is not TOML is refused with line and column") {
  const auto bad = parse_toml("a = 1\nb = = 2\n", "c.toml");
  REQUIRE_RULE(bad, rules::toml_form);
  REQUIRE(bad.error().where.starts_with("c.toml:2:"));
  REQUIRE_RULE(parse_toml("a = 1\na = 2\n", "c.toml"), rules::toml_form);
  REQUIRE_RULE(parse_toml("a = \"\xff\"", "c.toml"), rules::toml_form);
  REQUIRE_RULE(parse_toml(std::string((1U << 20) + 1, '\n'), "c.toml"), rules::toml_form);
}

TEST_CASE("hostile nesting is refused before it can exhaust the stack") {
  std::string keys = "a";
  for (int i = 0; i < 100000; ++i) keys += ".a";
  REQUIRE_RULE(parse_toml(keys + " = 1", "c.toml"), rules::toml_form);
  REQUIRE_RULE(parse_toml("[" + keys + "]", "c.toml"), rules::toml_form);
  REQUIRE_RULE(parse_toml("x = {" + keys + " = 1}", "c.toml"), rules::toml_form);
  REQUIRE_RULE(parse_toml("x = " + std::string(100000, '['), "c.toml"), rules::toml_form);
}
