// A statement that somebody may make and that stands in the ledger: what verdicts may rest on.
//
// Pure functions; values may be used from any thread.
#pragma once

#include <span>

#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/tree.h"
#include "libattest/trust/authorize.h"

namespace attest::hardware {

// ProvenStatement: only prove_statement makes one.
class ProvenStatement {
 public:
  const statement::UntrustedStatement& statement() const { return authorized_.statement(); }
  const statement::UntrustedStatement* operator->() const { return &authorized_.statement(); }
  const AuthorizedStatement& authorized() const { return authorized_; }
  std::uint64_t index() const { return index_; }
  const std::string& log() const { return log_; }  // origin

 private:
  friend Result<ProvenStatement> prove_statement(const AuthorizedStatement&,
                                                 const transparency::VerifiedCheckpoint&,
                                                 std::span<const transparency::Hash>);
  ProvenStatement(AuthorizedStatement authorized, std::uint64_t index, std::string log)
      : authorized_(std::move(authorized)), index_(index), log_(std::move(log)) {}
  AuthorizedStatement authorized_;
  std::uint64_t index_;
  std::string log_;
};

// prove_statement checks, in this order:
//   - the statement's place in the log is known (its standing names an index); otherwise
//   incomplete;
//   - the path leads from the statement's bytes, at that index, to the checkpoint's root.
// Not checked: whether the statement was revoked or replaced by a later entry.
Result<ProvenStatement> prove_statement(const AuthorizedStatement& statement,
                                        const transparency::VerifiedCheckpoint& checkpoint,
                                        std::span<const transparency::Hash> path);

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule statement_not_in_log{"hardware.statement.not-in-log"};
inline constexpr Rule statement_inclusion{"hardware.statement.inclusion"};
}  // namespace attest::rules
