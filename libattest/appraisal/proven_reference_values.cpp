#include "libattest/appraisal/proven_reference_values.h"

namespace attest::appraisal {

namespace {

std::string place_of(const hardware::ProvenStatement& statement) {
  return "ledger entry " + std::to_string(statement.index());
}

Status check_kind(const hardware::ProvenStatement& statement) {
  if (statement->kind() == statement::Kind::reference_values) return {};
  return fail(refused(rules::reference_statement_kind, "the statement is not of reference values")
                  .found(std::string(statement::to_string(statement->kind()))));
}

Status check_subject(const hardware::ProvenStatement& statement, const std::string& name) {
  if (statement->subject().text() == "platform:" + name) return {};
  return fail(refused(rules::reference_statement_platform,
                      "the statement speaks of another platform than its reference values")
                  .expected(statement->subject().text())
                  .found("platform:" + name)
                  .within(place_of(statement)));
}

}  // namespace

Result<ProvenReferenceValues> prove_reference_values(const hardware::ProvenStatement& statement) {
  TRY_VOID(check_kind(statement));
  TRY_WITHIN(place_of(statement), reference::ReferenceValues values,
             reference::parse_reference_values(statement->payload()));
  TRY_VOID(check_subject(statement, values.platform));
  return ProvenReferenceValues(std::move(values), statement->issuer(), statement.index());
}

Result<ProvenDeviceValues> prove_device_values(const hardware::ProvenStatement& statement) {
  TRY_VOID(check_kind(statement));
  TRY_WITHIN(place_of(statement), reference::DeviceValues values,
             reference::parse_device_values(statement->payload()));
  TRY_VOID(check_subject(statement, values.name));
  return ProvenDeviceValues(std::move(values), statement->issuer(), statement.index());
}

}  // namespace attest::appraisal
