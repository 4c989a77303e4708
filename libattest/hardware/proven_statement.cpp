#include "libattest/hardware/proven_statement.h"

namespace attest::hardware {

Result<ProvenStatement> prove_statement(const AuthorizedStatement& statement,
                                        const transparency::VerifiedCheckpoint& checkpoint,
                                        std::span<const transparency::Hash> path) {
  const auto index = statement.standing().index;
  const std::string place = "statement about " + statement->subject().text();
  if (!index)
    return fail(incomplete(rules::statement_not_in_log, "the statement is in no log we know")
                    .next("enter it with: attestctl ledger add FILE")
                    .within(place));
  const transparency::Hash leaf = transparency::leaf_hash(statement->bytes());
  auto included =
      transparency::verify_inclusion(*index, checkpoint.size(), leaf, path, checkpoint.root());
  if (!included) {
    Error error = std::move(included).error();
    error.rule = rules::statement_inclusion;
    return fail(std::move(error).within(place));
  }
  return ProvenStatement(statement, *index, checkpoint.origin());
}

}  // namespace attest::hardware
