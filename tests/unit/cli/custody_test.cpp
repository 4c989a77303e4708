// Custody, and the attacks on it, on a real ledger in a folder.
#include "cli/custody_report.h"
#include "tests/support/catch.h"
#include "tests/support/custody_ledger.h"

using namespace attest;
using namespace attest::cli;
using enum attest::statement::CustodyEvent;

namespace {

using hardware::CustodyPolicy;
using test::CustodyLedger;

Result<DeviceRecord> record_of(CustodyLedger& ledger) {
  ledger::DirectorySource source(ledger.publish());
  return read_device_record(source, ledger.subject(), ledger.trust());
}

hardware::CustodyVerdict judge(CustodyLedger& ledger, const CustodyPolicy& policy = {}) {
  const DeviceRecord record = must(record_of(ledger));
  return hardware::judge_custody(ledger.subject(), record.statements, policy);
}

// The rules of the findings, in their order, each followed by a space.
std::string rules_of(const hardware::CustodyVerdict& verdict) {
  std::string names;
  for (const Error& finding : verdict.findings) names += std::string(finding.rule.name) + " ";
  return names;
}
std::string only(Rule rule) {
  return std::string(rule.name) + " ";
}

}  // namespace

TEST_CASE("a device that was made, sold, received and installed is its owner's") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  const auto verdict = judge(
      ledger,
      {.makers = {"maker.example"}, .allowed_regions = {"eu-north"}, .owner = "owner.example"});
  REQUIRE(rules_of(verdict) == "");
  REQUIRE(verdict.steps.size() == 4);
  REQUIRE(verdict.owner == "owner.example");
  REQUIRE(verdict.holder == "owner.example");
  REQUIRE(verdict.place->place.region == "eu-north");
  REQUIRE(verdict.head() == life.installed.digest);
}

TEST_CASE("a device that nobody speaks of is refused") {
  CustodyLedger ledger;
  must(ledger.log.add("something else"));
  REQUIRE(rules_of(judge(ledger)) == only(rules::custody_unclaimed));
}

TEST_CASE("a life that does not begin with its maker is refused") {
  CustodyLedger ledger;
  ledger.say("thief.example", sold, sha256(as_bytes("nothing")), "owner.example");
  REQUIRE(rules_of(judge(ledger)) == only(rules::custody_unclaimed));
}

TEST_CASE("a second maker is refused, and so is one that policy does not know") {
  CustodyLedger ledger;
  ledger.sold_to_owner();
  ledger.say("thief.example", made);
  const auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_made_twice));
  REQUIRE(verdict.owner == "owner.example");

  CustodyLedger other;
  other.say("thief.example", made);
  REQUIRE(rules_of(judge(other)) == "");
  REQUIRE(rules_of(judge(other, {.makers = {"maker.example"}})) == only(rules::custody_maker));
}

TEST_CASE("a device that is sold twice is refused, and the first sale stands") {
  CustodyLedger ledger;
  const auto first = ledger.say("maker.example", made);
  const auto sale = ledger.say("maker.example", sold, first.digest, "owner.example");
  ledger.say("maker.example", sold, first.digest, "dealer.example");
  ledger.say("owner.example", received, sale.digest);
  const auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_double_sale));
  REQUIRE(verdict.owner == "owner.example");
}

TEST_CASE("a transfer that is entered again is a replay") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  const auto back = ledger.say("owner.example", sold, life.installed.digest, "dealer.example");
  const auto bought = ledger.say("dealer.example", received, back.digest);
  // Byte for byte the old sale: the log takes each statement once, so it is signed anew.
  statement::Custody again;
  again.device = ledger.device();
  again.event = sold;
  again.previous = life.made.digest;
  again.to = "owner.example";
  again.time = ledger::test_time + Seconds{1};
  ledger.enter(ledger.sign("maker.example", statement::Kind::custody, statement::encode(again)));
  const auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_double_sale));
  REQUIRE(verdict.owner == "dealer.example");
  REQUIRE(verdict.head() == bought.digest);
}

TEST_CASE("a statement that is proven twice has effect once") {
  CustodyLedger ledger;
  ledger.say("maker.example", made);
  const DeviceRecord record = must(record_of(ledger));
  const std::vector<hardware::ProvenStatement> twice{record.statements.front(),
                                                     record.statements.front()};
  REQUIRE(rules_of(hardware::judge_custody(ledger.subject(), twice)) ==
          only(rules::custody_replayed));
}

TEST_CASE("a branch that is no sale is a fork, and a statement after an unknown one a gap") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  ledger.say("owner.example", moved, life.received.digest, {}, "eu-west");
  REQUIRE(rules_of(judge(ledger)) == only(rules::custody_fork));

  CustodyLedger other;
  other.sold_to_owner();
  other.say("owner.example", moved, sha256(as_bytes("unknown")), {}, "eu-west");
  REQUIRE(rules_of(judge(other)) == only(rules::custody_gap));
}

TEST_CASE("a transfer that was not accepted is one-sided") {
  CustodyLedger ledger;
  const auto first = ledger.say("maker.example", made);
  const auto sale = ledger.say("maker.example", sold, first.digest, "owner.example");
  const auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_one_sided));
  REQUIRE(verdict.pending == "owner.example");
  REQUIRE(verdict.owner == "maker.example");
  // Nor may the receiver act as if he had accepted it.
  ledger.say("owner.example", installed, sale.digest, {}, "eu-north");
  REQUIRE(rules_of(judge(ledger)) ==
          only(rules::custody_one_sided) + only(rules::custody_one_sided));
}

TEST_CASE("only the one that a device was given to can accept it") {
  CustodyLedger ledger;
  const auto first = ledger.say("maker.example", made);
  const auto sale = ledger.say("maker.example", sold, first.digest, "owner.example");
  ledger.say("thief.example", received, sale.digest);
  ledger.say("owner.example", received, sale.digest);
  const auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_not_receiver));
  REQUIRE(verdict.owner == "owner.example");
}

TEST_CASE("nobody accepts what nobody gave") {
  CustodyLedger ledger;
  const auto first = ledger.say("maker.example", made);
  ledger.say("thief.example", received, first.digest);
  REQUIRE(rules_of(judge(ledger)) == only(rules::custody_not_receiver));
}

TEST_CASE("a transfer that the present owner did not sign is refused") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  ledger.say("thief.example", sold, life.installed.digest, "dealer.example");
  auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_not_entitled));
  // The former owner is no owner any more.
  ledger.say("maker.example", leased, life.installed.digest, "dealer.example");
  ledger.say("thief.example", decommissioned, life.installed.digest);
  verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_not_entitled) +
                                   only(rules::custody_not_entitled) +
                                   only(rules::custody_not_entitled));
  REQUIRE(verdict.owner == "owner.example");
}

TEST_CASE("who holds a device may ship and place it, and may not sell it") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  const auto shipment =
      ledger.say("owner.example", shipped, life.installed.digest, "carrier.example");
  const auto held = ledger.say("carrier.example", received, shipment.digest);
  auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == "");
  REQUIRE(verdict.owner == "owner.example");
  REQUIRE(verdict.holder == "carrier.example");
  REQUIRE_FALSE(verdict.place);
  ledger.say("carrier.example", sold, held.digest, "dealer.example");
  ledger.say("owner.example", moved, held.digest, {}, "eu-north");
  verdict = judge(ledger);
  REQUIRE(rules_of(verdict) ==
          only(rules::custody_not_entitled) + only(rules::custody_not_entitled));
}

TEST_CASE("nothing happens after a device's end") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  const auto end = ledger.say("owner.example", decommissioned, life.installed.digest);
  ledger.say("owner.example", sold, end.digest, "dealer.example");
  const auto verdict = judge(ledger);
  REQUIRE(rules_of(verdict) == only(rules::custody_after_end));
  REQUIRE(verdict.decommissioned);
}

TEST_CASE("policy forbids parties and jurisdictions, at any time of a device's life") {
  CustodyLedger ledger;
  ledger.sold_to_owner();
  REQUIRE(rules_of(judge(ledger, {.forbidden_parties = {"thief.example"}})) == "");
  REQUIRE(rules_of(judge(ledger, {.forbidden_parties = {"owner.example"}}))
              .starts_with(only(rules::custody_forbidden_party)));
  REQUIRE(rules_of(judge(ledger, {.forbidden_jurisdictions = {"TW"}})) ==
          only(rules::custody_forbidden_jurisdiction) +
              only(rules::custody_forbidden_jurisdiction));
  REQUIRE(rules_of(judge(ledger, {.forbidden_jurisdictions = {"eu-north"}})) ==
          only(rules::custody_forbidden_jurisdiction));
  REQUIRE(rules_of(judge(ledger, {.owner = "dealer.example"})) == only(rules::custody_owner));
}

TEST_CASE("a device outside its region is refused, one whose place nobody says is incomplete") {
  CustodyLedger ledger;
  ledger.sold_to_owner("us-east");
  REQUIRE(rules_of(judge(ledger, {.allowed_regions = {"eu-north"}})) ==
          only(rules::custody_region));
  CustodyLedger other;
  other.say("maker.example", made);
  const auto verdict = judge(other, {.allowed_regions = {"eu-north"}});
  REQUIRE(rules_of(verdict) == only(rules::custody_no_place));
  REQUIRE_FALSE(verdict.refused());
}

TEST_CASE("an inspector confirms a place; nobody confirms his own word") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  const CustodyPolicy policy{.require_inspection = true};
  ledger.inspect("owner.example", life.installed.digest, "eu-north");
  ledger.inspect("inspector.example", life.received.digest, "eu-north");
  const auto before = judge(ledger, policy);
  REQUIRE(rules_of(before) == only(rules::custody_not_inspected));
  REQUIRE_FALSE(before.refused());
  ledger.inspect("inspector.example", life.installed.digest, "eu-north");
  const auto verdict = judge(ledger, policy);
  REQUIRE(rules_of(verdict) == "");
  REQUIRE(verdict.place->inspector == "inspector.example");
  // A move makes an old inspection worthless.
  ledger.say("owner.example", moved, life.installed.digest, {}, "eu-west");
  REQUIRE(rules_of(judge(ledger, policy)) == only(rules::custody_not_inspected));
}

TEST_CASE("an inspector who found it elsewhere refutes its holder") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  ledger.inspect("inspector.example", life.installed.digest, "us-east");
  REQUIRE(rules_of(judge(ledger)) == only(rules::custody_inspection_differs));
}

TEST_CASE("a stranger's statement has no effect, and is said") {
  CustodyLedger ledger;
  const auto life = ledger.sold_to_owner();
  statement::Custody theft;
  theft.device = ledger.device();
  theft.event = sold;
  theft.previous = life.installed.digest;
  theft.to = "thief.example";
  theft.time = ledger::test_time;
  ledger.enter(ledger.sign_as_stranger("owner.example", statement::encode(theft)));
  const DeviceRecord record = must(record_of(ledger));
  REQUIRE(record.statements.size() == 4);
  REQUIRE(record.without_effect.size() == 1);
  REQUIRE(record.without_effect.front().rule == rules::trust_unknown_key);
}

TEST_CASE("a log that was changed after it was signed is refused") {
  CustodyLedger ledger;
  ledger.sold_to_owner();
  const Path folder = ledger.publish();
  Path bundle;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder / "tile/entries"))
    if (each.is_regular_file()) bundle = each.path();
  Bytes content = must(read_file(bundle));
  content[content.size() / 2] ^= std::byte{1};
  must(write_file_atomically(bundle, content));
  ledger::DirectorySource source(folder);
  REQUIRE_RULE(read_device_record(source, ledger.subject(), ledger.trust()),
               rules::statement_inclusion);
}

TEST_CASE("history and graph name every step, and nothing in them escapes") {
  CustodyLedger ledger;
  ledger.sold_to_owner();
  CustodyView view{ledger.subject(), must(record_of(ledger)), judge(ledger)};
  view.verdict.steps.back().said.place->site = "a\"b\n";
  const Report graph = history_report(view, true);
  REQUIRE(graph.raw.find("\"maker.example\" -> \"owner.example\"") != std::string::npos);
  REQUIRE(graph.raw.find("a\\\"b\\\\x0a") != std::string::npos);
  const Report timeline = history_report(view, false);
  REQUIRE(timeline.json["steps"].size() == 4);
  REQUIRE(verify_report(view).outcome == Outcome::pass);
  REQUIRE(verify_report(view).json["place"]["trust_level"] == "host-reported");
}
