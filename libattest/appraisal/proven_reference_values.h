// Reference values that may be relied on: said by somebody who may say them, and in the ledger.
#pragma once

#include "libattest/hardware/proven_statement.h"
#include "libattest/reference/device_values.h"
#include "libattest/reference/reference_values.h"

namespace attest::appraisal {

class ProvenReferenceValues {
 public:
  const reference::ReferenceValues& values() const { return values_; }
  const std::string& issuer() const { return issuer_; }
  std::uint64_t index() const { return index_; }  // of the ledger entry

 private:
  friend Result<ProvenReferenceValues> prove_reference_values(const hardware::ProvenStatement&);
  ProvenReferenceValues(reference::ReferenceValues values, std::string issuer, std::uint64_t index)
      : values_(std::move(values)), issuer_(std::move(issuer)), index_(index) {}
  reference::ReferenceValues values_;
  std::string issuer_;
  std::uint64_t index_;
};

// prove_reference_values checks, in this order:
//   - the statement is of reference values;
//   - its payload is a CoRIM of our profile (parse_reference_values);
//   - the platform in it is the one the statement speaks of.
// The statement's signature, its issuer's right to say this, and its inclusion in the ledger were
// checked by those who made the ProvenStatement. Not checked: whether it was revoked later.
Result<ProvenReferenceValues> prove_reference_values(const hardware::ProvenStatement& statement);

// ProvenDeviceValues are the same for what devices measure (libattest/reference/device_values.h):
// only prove_device_values makes one, by the same checks.
class ProvenDeviceValues {
 public:
  const reference::DeviceValues& values() const { return values_; }
  const std::string& issuer() const { return issuer_; }
  std::uint64_t index() const { return index_; }

 private:
  friend Result<ProvenDeviceValues> prove_device_values(const hardware::ProvenStatement&);
  ProvenDeviceValues(reference::DeviceValues values, std::string issuer, std::uint64_t index)
      : values_(std::move(values)), issuer_(std::move(issuer)), index_(index) {}
  reference::DeviceValues values_;
  std::string issuer_;
  std::uint64_t index_;
};
Result<ProvenDeviceValues> prove_device_values(const hardware::ProvenStatement& statement);

}  // namespace attest::appraisal

namespace attest::rules {
inline constexpr Rule reference_statement_kind{"appraisal.reference.kind"};
inline constexpr Rule reference_statement_platform{"appraisal.reference.platform"};
}  // namespace attest::rules
