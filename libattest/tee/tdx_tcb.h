// Which patch level a TDX platform is at, by Intel's word (Intel, "SGX and TDX Provisioning
// Certification Service", "Determining the TCB level of an Intel TDX platform").
#pragma once

#include "libattest/tee/tdx_collateral.h"
#include "libattest/tee/tdx_verification.h"

namespace attest::tee {

struct TdxTcb {
  TcbStatus status = TcbStatus::revoked;  // all three together
  TcbStatus platform = TcbStatus::revoked;
  std::optional<TcbStatus> module;  // where the module has an identity of its own
  TcbStatus quoting_enclave = TcbStatus::revoked;
  std::string date;                     // of the platform's level
  std::vector<std::string> advisories;  // sorted, each once
  std::uint64_t evaluation_number = 0;
};

// tdx_tcb checks, in this order:
//   - the TCB info is of this FMSPC and PCE-ID;
//   - the TDX module's signer and attributes are those of its identity;
//   - the quoting enclave is the one of the identity (signer, product, attributes, miscselect);
//   - a level exists for platform, module and quoting enclave: below the lowest is refused.
// The status is the worst of the three, where a configuration need survives being out of date.
// Whether a status is good enough is the caller's to judge.
Result<TdxTcb> tdx_tcb(const VerifiedTdxQuote& quote, const VerifiedTcbInfo& info,
                       const VerifiedQeIdentity& qe);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule tdx_fmspc{"tee.tdx.fmspc"};
inline constexpr Rule tdx_module{"tee.tdx.module"};
inline constexpr Rule tdx_qe_identity{"tee.tdx.qe-identity"};
inline constexpr Rule tdx_tcb_level{"tee.tdx.tcb-level"};
}  // namespace attest::rules
