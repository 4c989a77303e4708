// RIM files that may be relied on: entered by somebody who may enter reference values, proven to be
// in the ledger, and signed by their maker at a time the ledger knows.
#pragma once

#include <optional>
#include <string>

#include "libattest/gpu/rim_reference.h"
#include "libattest/hardware/proven_statement.h"

namespace attest::appraisal {

class ProvenRim {
 public:
  const std::string& id() const { return reference_.id; }
  const gpu::UntrustedRim& rim() const { return reference_.rim; }
  const std::string& issuer() const { return issuer_; }
  std::uint64_t index() const { return index_; }
  // entered is the ledger time under which the entry was first seen; without one, the RIM's own
  // signature cannot be judged, and measurements are incomplete.
  const std::optional<Time>& entered() const { return entered_; }

 private:
  friend Result<ProvenRim> prove_rim(const hardware::ProvenStatement&, std::optional<Time>);
  ProvenRim(gpu::RimReference reference, std::string issuer, std::uint64_t index,
            std::optional<Time> entered)
      : reference_(std::move(reference)),
        issuer_(std::move(issuer)),
        index_(index),
        entered_(entered) {}
  gpu::RimReference reference_;
  std::string issuer_;
  std::uint64_t index_;
  std::optional<Time> entered_;
};

// prove_rim checks, in this order:
//   - the statement is of reference values (rules::reference_statement_kind);
//   - its payload is a CoRIM that holds a RIM file (parse_rim_reference);
//   - the statement speaks of that RIM's id (rules::rim_statement_subject).
// Not checked: the RIM's own signature, which is its maker's; and revocation of the statement.
Result<ProvenRim> prove_rim(const hardware::ProvenStatement& statement,
                            std::optional<Time> entered);

}  // namespace attest::appraisal

namespace attest::rules {
inline constexpr Rule rim_statement_subject{"appraisal.rim.subject"};
}
