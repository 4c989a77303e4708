#include "cli/report.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::cli;

TEST_CASE("a long field is wrapped within 80 columns, continued under its first word") {
  Report report;
  report.field(
      "lineage",
      "parent sha256:5e0c…91d2 (fine-tune, statement 118) was revoked by its issuer on 2026-10-02");
  REQUIRE(report.lines().size() == 2);
  REQUIRE(report.lines()[0] ==
          "  lineage     parent sha256:5e0c…91d2 (fine-tune, statement 118) was revoked by");
  REQUIRE(report.lines()[1] == "              its issuer on 2026-10-02");
  for (const std::string& line : report.lines()) REQUIRE(columns(line) <= 80);
}

TEST_CASE("a refusal says the same in lines and in JSON, and decides the outcome") {
  Report report;
  report.refusal(incomplete(Rule{"room.rule"}, "the RIM is missing")
                     .expected("a RIM")
                     .found("none")
                     .next("add it"));
  REQUIRE(report.outcome == Outcome::incomplete);
  REQUIRE(report.json["error"]["rule"] == "room.rule");
  REQUIRE(report.json["error"]["outcome"] == "incomplete");
  REQUIRE(report.json["error"]["next"] == "add it");
  REQUIRE(report.lines() == std::vector<std::string>{"incomplete: the RIM is missing",
                                                     "  expected    a RIM", "  found       none",
                                                     "add it"});
}

TEST_CASE("refused outweighs incomplete, and incomplete outweighs pass") {
  REQUIRE(worse_of(Outcome::pass, Outcome::incomplete) == Outcome::incomplete);
  REQUIRE(worse_of(Outcome::refused, Outcome::incomplete) == Outcome::refused);
  REQUIRE(worse_of(Outcome::pass, Outcome::pass) == Outcome::pass);
  REQUIRE(outcome_of(ErrorKind::incomplete) == Outcome::incomplete);
  REQUIRE(outcome_of(ErrorKind::refused) == Outcome::refused);
}

TEST_CASE("digests are shortened in the middle, short texts are left alone") {
  REQUIRE(shorten("sha256:" + std::string(60, 'a') + "91d2") == "sha256:aaaa…91d2");
  REQUIRE(shorten("policy:node") == "policy:node");
}

TEST_CASE("a table's columns line up whatever characters they hold") {
  Report report;
  Table table({"tensor", "bytes"});
  table.row({"größe", "1"});
  table.row({"a", "22"});
  table.print_to(report);
  REQUIRE(report.lines() ==
          std::vector<std::string>{"  tensor  bytes", "  größe   1", "  a       22"});
}
