#include "libattest/hardware/device_manifest.h"

#include "tests/support/catch.h"
#include "tests/support/test_ledger_trust.h"

using namespace attest;
using namespace attest::hardware;

namespace {

const Sha256 ek = sha256(as_bytes("ek"));

std::uint64_t add_manifest(test::TestLedgerTrust& ledger, std::string serial,
                           bool by_other = false) {
  statement::DeviceManifest manifest;
  manifest.ek = ek;
  manifest.manufacturer = "Example";
  manifest.model = "Board";
  manifest.serial = std::move(serial);
  return ledger.add(statement::Kind::device_manifest, "ek:" + to_hex(ek),
                    statement::encode(manifest), by_other);
}

}  // namespace

TEST_CASE("a statement is proven by its path to a signed checkpoint") {
  test::TestLedgerTrust ledger;
  for (const char* serial : {"1", "2", "3"}) add_manifest(ledger, serial);
  for (std::uint64_t index = 0; index < 3; ++index) {
    const ProvenStatement proven = ledger.proven(index);
    REQUIRE(proven.index() == index);
    REQUIRE(proven.log() == "log.example");
    REQUIRE(proven->as<statement::DeviceManifest>());
  }
}

TEST_CASE("a statement in no log is incomplete, one at another place is refused") {
  test::TestLedgerTrust ledger;
  for (const char* serial : {"1", "2", "3"}) add_manifest(ledger, serial);
  const auto outside =
      prove_statement(ledger.authorized_outside(0), ledger.checkpoint(), ledger.path(0));
  REQUIRE_RULE(outside, rules::statement_not_in_log);
  REQUIRE(outside.error().kind == ErrorKind::incomplete);
  REQUIRE_RULE(prove_statement(ledger.authorized(0), ledger.checkpoint(), ledger.path(1)),
               rules::statement_inclusion);
}

TEST_CASE("a manifest is found by the TPM it speaks of") {
  test::TestLedgerTrust ledger;
  DeviceManifests manifests;
  REQUIRE(manifests.find(ek).missing());
  REQUIRE_OK(manifests.add(ledger.proven(add_manifest(ledger, "1"))));
  const ManifestFinding finding = manifests.find(ek);
  REQUIRE_FALSE(finding.missing());
  REQUIRE_FALSE(finding.disputed());
  REQUIRE(finding.manifests.front()->manifest.serial == "1");
  REQUIRE(finding.manifests.front()->issuer == "owner@example");
  REQUIRE(manifests.find(sha256(as_bytes("other"))).missing());
}

TEST_CASE("of two manifests by one issuer the later entry stands, in whatever order they come") {
  test::TestLedgerTrust ledger;
  const auto first = add_manifest(ledger, "1");
  const auto second = add_manifest(ledger, "2");
  for (const auto& order : {std::pair(first, second), std::pair(second, first)}) {
    DeviceManifests manifests;
    REQUIRE_OK(manifests.add(ledger.proven(order.first)));
    REQUIRE_OK(manifests.add(ledger.proven(order.second)));
    REQUIRE_FALSE(manifests.find(ek).disputed());
    REQUIRE(manifests.find(ek).manifests.front()->manifest.serial == "2");
  }
}

TEST_CASE("two issuers for one TPM are a finding") {
  test::TestLedgerTrust ledger;
  const auto first = add_manifest(ledger, "1");
  const auto second = add_manifest(ledger, "1", true);
  DeviceManifests manifests;
  REQUIRE_OK(manifests.add(ledger.proven(second)));
  REQUIRE_OK(manifests.add(ledger.proven(first)));
  const ManifestFinding finding = manifests.find(ek);
  REQUIRE(finding.disputed());
  REQUIRE(finding.manifests[0]->index == first);
  REQUIRE(finding.manifests[1]->issuer == "other@example");
}

TEST_CASE("a statement of another kind is no manifest") {
  test::TestLedgerTrust ledger;
  const auto index = ledger.add(statement::Kind::policy, "policy:p", as_bytes("version = 1"));
  DeviceManifests manifests;
  REQUIRE_RULE(manifests.add(ledger.proven(index)), rules::manifest_kind);
}
