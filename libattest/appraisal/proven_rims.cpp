#include "libattest/appraisal/proven_rims.h"

#include "libattest/appraisal/proven_reference_values.h"

namespace attest::appraisal {

Result<ProvenRim> prove_rim(const hardware::ProvenStatement& statement,
                            std::optional<Time> entered) {
  if (statement->kind() != statement::Kind::reference_values)
    return fail(refused(rules::reference_statement_kind, "the statement is not of reference values")
                    .found(std::string(statement::to_string(statement->kind()))));
  const std::string place = "ledger entry " + std::to_string(statement.index());
  TRY_WITHIN(place, gpu::RimReference reference, gpu::parse_rim_reference(statement->payload()));
  if (reference.id != statement->subject().name())
    return fail(
        refused(rules::rim_statement_subject, "the statement speaks of another RIM than it holds")
            .expected(reference.id)
            .found(std::string(statement->subject().name()))
            .within(place));
  return ProvenRim(std::move(reference), statement->issuer(), statement.index(), entered);
}

}  // namespace attest::appraisal
