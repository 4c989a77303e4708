#include "libattest/appraisal/verify_evidence.h"

#include "libattest/base/cbor.h"
#include "tests/support/test_node.h"

using namespace attest;
using namespace attest::appraisal;
using evidence::make_item;
using test::TestNode;
namespace label = evidence::label;

namespace {

Result<VerifiedEvidence> check(const TestNode& node) {
  return verify_evidence(node.answer(), node.context());
}

}  // namespace

TEST_CASE("evidence that answers the challenge is verified, and gives what the TPM says") {
  TestNode node;
  node.more = {make_item(label::models, evidence::encode_models({{"m", 1, {}, {}}})),
               make_item(label::host, evidence::encode_host({{"os", "x"}})),
               make_item(label::ima, as_bytes("list")),
               {"gpu/0", "application/x", to_bytes("report")}};
  const auto answer = node.answer();
  const VerifiedEvidence evidence = must(verify_evidence(answer, node.context()));
  REQUIRE(evidence.digest() == answer.digest());
  REQUIRE(evidence.quote().pcrs() == node.tpm.pcrs(test::firmware_pcrs));
  REQUIRE(evidence.event_log());
  REQUIRE_FALSE(evidence.event_log_problem());
  REQUIRE(evidence.models()->size() == 1);
  REQUIRE(evidence.host()->size() == 1);
  REQUIRE_FALSE(evidence.runtime_key());
  REQUIRE(evidence.unread() == std::vector<std::string>{"gpu/0", "ima"});
}

TEST_CASE("evidence for a challenge that was issued to another node is refused") {
  TestNode node;
  node.issue("rack7-n04");
  REQUIRE_RULE(check(node), rules::evidence_wrong_node);
}

TEST_CASE("evidence that answers another challenge is refused") {
  TestNode node;
  const auto answer = node.answer();
  node.issue();
  REQUIRE_RULE(verify_evidence(answer, node.context()), rules::evidence_wrong_challenge);
}

TEST_CASE("evidence that names another node is refused") {
  const TestNode node;
  auto items = node.items();
  items[1].content = to_bytes("rack7-n04");
  REQUIRE_RULE(verify_evidence(TestNode::collect(items, node.quote_over(items)), node.context()),
               rules::evidence_wrong_node);
}

TEST_CASE("an AK that is not the one the node enrolled is refused") {
  TestNode node;
  node.registered.ak_name = test::TestTpm().ak_name();
  REQUIRE_RULE(check(node), rules::evidence_wrong_ak);
}

TEST_CASE("an AK that is not restricted is refused, whoever enrolled it") {
  const TestNode node;
  auto items = node.items();
  items[2].content = node.tpm.ak_public(0x00040072);
  REQUIRE_RULE(verify_evidence(TestNode::collect(items, node.quote_over(items)), node.context()),
               rules::ak_restricted);
}

TEST_CASE("a quote item of another form is refused") {
  const TestNode node;
  for (const Bytes& item : {to_bytes("quote"), cbor::encode(cbor::Array{Bytes(1)}),
                            cbor::encode(cbor::Array{"a", Bytes(1)})})
    REQUIRE_RULE(verify_evidence(TestNode::collect(node.items(), item), node.context()),
                 rules::evidence_quote_form);
}

TEST_CASE("a quote by another TPM is refused") {
  const TestNode node;
  TestNode other;
  other.challenge = node.challenge;
  REQUIRE_RULE(verify_evidence(TestNode::collect(node.items(), other.quote_over(node.items())),
                               node.context()),
               rules::quote_signature);
}

TEST_CASE("PCR values other than the quoted ones are refused") {
  const TestNode node;
  TestNode changed;
  changed.tpm.extend(4, Bytes(32));
  auto items = node.items();
  items[3].content = tpm::encode_pcrs(changed.tpm.pcrs(test::firmware_pcrs));
  REQUIRE_RULE(verify_evidence(TestNode::collect(items, node.quote_over(items)), node.context()),
               rules::quote_pcr_digest);
}

TEST_CASE("an item changed, added, removed or replaced after the quote is refused") {
  TestNode node;
  node.more = {make_item(label::host, evidence::encode_host({{"os", "x"}}))};
  const auto items = node.items();
  const Bytes quote = node.quote_over(items);
  const auto with = [&](auto change) {
    auto changed = items;
    change(changed);
    return verify_evidence(TestNode::collect(changed, quote), node.context());
  };
  REQUIRE_OK(with([](auto&) {}));
  REQUIRE_RULE(with([](auto& list) { list.back().content = evidence::encode_host({{"os", "y"}}); }),
               rules::evidence_binding);
  REQUIRE_RULE(with([](auto& list) { list.pop_back(); }), rules::evidence_binding);
  REQUIRE_RULE(
      with([](auto& list) { list.push_back({"gpu/0", "application/x", to_bytes("report")}); }),
      rules::evidence_binding);
}

TEST_CASE("the runtime key is bound by its thumbprint") {
  TestNode node;
  const auto runtime = must(make_signing_key(KeyKind::ed25519, system_random()));
  node.more = {make_item(label::runtime_key,
                         evidence::encode_runtime_key({runtime->public_key().spki_der(),
                                                       sha256(as_bytes("exe")), "/bin/x", 1}))};
  const auto items = node.items();
  const auto thumbprint = runtime->public_key().thumbprint();
  REQUIRE_RULE(verify_evidence(TestNode::collect(items, node.quote_over(items)), node.context()),
               rules::evidence_binding);
  const auto evidence = must(verify_evidence(
      TestNode::collect(items, node.quote_over(items, thumbprint)), node.context()));
  REQUIRE(evidence.runtime_key()->thumbprint() == thumbprint);
}

TEST_CASE("evidence without one of the items it needs is refused") {
  const TestNode node;
  for (std::size_t i = 0; i < 4; ++i) {
    auto items = node.items();
    items.erase(items.begin() + static_cast<long>(i));
    INFO(i);
    REQUIRE_RULE(verify_evidence(TestNode::collect(items, node.quote_over(items)), node.context()),
                 rules::evidence_item_missing);
  }
  const auto no_quote =
      must(evidence::parse_evidence(must(evidence::encode_evidence(node.items()))));
  REQUIRE_RULE(verify_evidence(no_quote, node.context()), rules::evidence_item_missing);
}

TEST_CASE("host-reported items must have their form") {
  for (const auto& [name, rule] :
       {std::pair(label::models, rules::models_form), std::pair(label::host, rules::host_form),
        std::pair(label::runtime_key, rules::runtime_key_form)}) {
    TestNode node;
    node.more = {make_item(name, as_bytes("nonsense"))};
    REQUIRE_RULE(check(node), rule);
  }
}

TEST_CASE("what systemd extends after the boot leaves the log explained, and is not believed") {
  TestNode node;
  node.tpm.measure(11, tpm::ev_ipl, as_bytes("a section"));
  for (const unsigned pcr : {11U, 15U}) {
    node.quoted.insert(pcr);
    node.tpm.extend(pcr, sha256(as_bytes("enter-initrd")));
  }
  const VerifiedEvidence evidence = node.verified();
  REQUIRE(evidence.event_log());
  REQUIRE(evidence.event_log()->not_vouched() == 1);
  node.quoted.insert(12);
  node.tpm.extend(12, sha256(as_bytes("credentials")));
  REQUIRE_FALSE(node.verified().event_log());
}

TEST_CASE("an event log that was verified before counts for the same log and the same PCRs alone") {
  TestNode node;
  const VerifiedEvidence first = node.verified();
  appraisal::EvidenceContext context = node.context();
  context.event_log =
      std::make_shared<const appraisal::KnownEventLog>(first.quote().pcrs(), *first.event_log());
  const auto again = must(verify_evidence(node.answer(), context));
  REQUIRE(again.event_log()->events().size() == first.event_log()->events().size());
  node.with_log = false;
  node.more = {make_item(label::tpm_eventlog, as_bytes("no log"))};
  REQUIRE(must(verify_evidence(node.answer(), context)).event_log_problem());
  node.with_log = true;
  node.more.clear();
  node.tpm.extend(4, Bytes(32));
  REQUIRE_FALSE(must(verify_evidence(node.answer(), context)).event_log());
  TestNode other;
  other.tpm.reset();
  other.tpm.boot(false, test::good_boot_loader);
  appraisal::EvidenceContext of_other = other.context();
  of_other.event_log = context.event_log;
  const auto new_boot = must(verify_evidence(other.answer(), of_other));
  REQUIRE(new_boot.event_log()->secure_boot().enabled == false);
}

TEST_CASE("an AK that was parsed before is the registered one's, or is not used") {
  TestNode node;
  const VerifiedEvidence first = node.verified();
  appraisal::EvidenceContext context = node.context();
  context.node.ak = std::make_shared<const tpm::VerifiedAk>(first.ak());
  REQUIRE_OK(verify_evidence(node.answer(), context));
  const TestNode stranger;
  context.node.ak = std::make_shared<const tpm::VerifiedAk>(stranger.verified().ak());
  REQUIRE_OK(verify_evidence(node.answer(), context));
  context = stranger.context();
  context.node.ak_name = node.tpm.ak_name();
  context.node.ak = std::make_shared<const tpm::VerifiedAk>(stranger.verified().ak());
  REQUIRE_RULE(verify_evidence(stranger.answer(), context), rules::evidence_wrong_ak);
}

TEST_CASE("a log that the PCRs do not vouch for, or that is none, is a finding, not an error") {
  TestNode node;
  node.tpm.extend(4, Bytes(32));
  const VerifiedEvidence evidence = node.verified();
  REQUIRE_FALSE(evidence.event_log());
  REQUIRE(evidence.event_log_problem()->rule == rules::eventlog_unexplained);
  REQUIRE(evidence.claimed_event_log());

  TestNode without;
  without.with_log = false;
  without.more = {make_item(label::tpm_eventlog, as_bytes("no log"))};
  REQUIRE(without.verified().event_log_problem());
  REQUIRE_FALSE(without.verified().claimed_event_log());
}
