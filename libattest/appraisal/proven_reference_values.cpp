#include "libattest/appraisal/proven_reference_values.h"

namespace attest::appraisal {

Result<ProvenReferenceValues> prove_reference_values(const hardware::ProvenStatement& statement) {
  if (statement->kind() != statement::Kind::reference_values)
    return fail(refused(rules::reference_statement_kind, "the statement is not of reference values")
                    .found(std::string(statement::to_string(statement->kind()))));
  const std::string place = "ledger entry " + std::to_string(statement.index());
  TRY_WITHIN(place, reference::ReferenceValues values,
             reference::parse_reference_values(statement->payload()));
  if (values.platform != statement->subject().name())
    return fail(refused(rules::reference_statement_platform,
                        "the statement speaks of another platform than its reference values")
                    .expected(std::string(statement->subject().name()))
                    .found(values.platform)
                    .within(place));
  return ProvenReferenceValues(std::move(values), statement->issuer(), statement.index());
}

}  // namespace attest::appraisal
