#include "libattest/appraisal/proven_reference_values.h"

#include "tests/support/catch.h"
#include "tests/support/test_ledger_trust.h"

using namespace attest;
using namespace attest::appraisal;

namespace {

Bytes some_values(std::string platform = "board") {
  reference::ReferenceValues values;
  values.id = "id";
  values.platform = std::move(platform);
  values.description = "values";
  values.pcrs[HashAlgorithm::sha256][0] = {{Bytes(32), "zero"}};
  return must(reference::encode_reference_values(values));
}

Result<ProvenReferenceValues> prove(statement::Kind kind, std::string_view subject,
                                    const Bytes& payload) {
  test::TestLedgerTrust ledger;
  return prove_reference_values(ledger.proven(ledger.add(kind, subject, payload)));
}

}  // namespace

TEST_CASE("reference values in the ledger, about their own platform, may be relied on") {
  const auto proven =
      must(prove(statement::Kind::reference_values, "platform:board", some_values()));
  REQUIRE(proven.index() == 0);
  REQUIRE(proven.issuer() == "owner@example");
  REQUIRE(proven.values().platform == "board");
}

TEST_CASE("a statement of another kind is no reference values") {
  REQUIRE_RULE(prove(statement::Kind::policy, "policy:p", to_bytes("version = 1")),
               rules::reference_statement_kind);
}

TEST_CASE("reference values for another platform than the statement's are refused") {
  REQUIRE_RULE(prove(statement::Kind::reference_values, "platform:other", some_values()),
               rules::reference_statement_platform);
}

TEST_CASE("a payload that is no CoRIM of our profile is refused") {
  const auto proven = prove(statement::Kind::reference_values, "platform:board",
                            cbor::encode(cbor::Map{{0, "id"}, {1, cbor::Array{}}}));
  REQUIRE_RULE(proven, rules::corim_empty);
}
