// What Intel signs about patch levels: TCB info and the identity of the quoting enclave (Intel,
// "SGX and TDX Provisioning Certification Service", API v4), as JSON files.
//
// Parsing checks form, verifying the signature, the signer's chain and the dates. Pure functions;
// values may be used from any thread.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "libattest/base/time.h"
#include "libattest/crypto/certificate.h"

namespace attest::tee {

// TcbStatus is Intel's word on a patch level, best first.
enum class TcbStatus {
  up_to_date,
  sw_hardening_needed,
  configuration_needed,
  configuration_and_sw_hardening_needed,
  out_of_date,
  out_of_date_configuration_needed,
  revoked,
};
std::string_view to_string(TcbStatus status);  // "UpToDate", as Intel writes it
Result<TcbStatus> parse_tcb_status(std::string_view text);

// SignedJson is the signed part of such a file, byte for byte, and its signature.
struct SignedJson {
  std::string body;  // the object that is signed
  Bytes signature;   // r ‖ s, P-256
  Time issue_date;
  Time next_update;
};

struct IsvLevel {
  std::uint16_t isv_svn = 0;
  TcbStatus status = TcbStatus::revoked;
  std::string date;
  std::vector<std::string> advisories;
};

// MaskedBytes must equal `value` where `mask` has ones.
struct MaskedBytes {
  Bytes value;
  Bytes mask;
  bool matches(ByteView found) const;
};

struct TdxModuleIdentity {
  std::string id;  // "TDX_03"; empty for the module of TDX 1.0
  Bytes mrsigner;  // 48
  MaskedBytes attributes;
  std::vector<IsvLevel> levels;  // best first
};

struct PlatformLevel {
  std::array<std::uint8_t, 16> sgx{};
  std::array<std::uint8_t, 16> tdx{};
  std::uint16_t pce_svn = 0;
  TcbStatus status = TcbStatus::revoked;
  std::string date;
  std::vector<std::string> advisories;
};

struct TcbInfo {
  std::uint64_t evaluation_number = 0;
  Bytes fmspc;
  Bytes pce_id;
  TdxModuleIdentity module;
  std::vector<TdxModuleIdentity> modules;
  std::vector<PlatformLevel> levels;  // best first
};

struct QeIdentity {
  std::uint64_t evaluation_number = 0;
  MaskedBytes misc_select;  // 4, little-endian
  MaskedBytes attributes;   // 16
  Bytes mrsigner;           // 32
  std::uint16_t isv_prod_id = 0;
  std::vector<IsvLevel> levels;
};

struct UntrustedTcbInfo {
  SignedJson signed_json;
  TcbInfo info;
};
struct UntrustedQeIdentity {
  SignedJson signed_json;
  QeIdentity identity;
};

// parse_tcb_info reads {"tcbInfo": {…}, "signature": "hex"} of version 3 for TDX; parse_qe_identity
// {"enclaveIdentity": {…}, "signature": "hex"} of version 2 for TD_QE. Members this version does
// not know are passed over: they are signed, and Intel adds some.
Result<UntrustedTcbInfo> parse_tcb_info(std::string_view json);
Result<UntrustedQeIdentity> parse_qe_identity(std::string_view json);

struct CollateralRules {
  Time at;
  std::vector<Certificate> roots;
  std::vector<Certificate> certificates;  // the TCB signing certificate among them
  std::vector<Bytes> crls = {};
};

// Verified<T> is collateral that Intel signed and that is in its time: only verify_… make one.
template <typename T>
class VerifiedCollateral {
 public:
  const T& value() const { return value_; }
  const T* operator->() const { return &value_; }
  Time issue_date() const { return issue_date_; }

 private:
  friend Result<VerifiedCollateral<TcbInfo>> verify_tcb_info(const UntrustedTcbInfo&,
                                                             const CollateralRules&);
  friend Result<VerifiedCollateral<QeIdentity>> verify_qe_identity(const UntrustedQeIdentity&,
                                                                   const CollateralRules&);
  VerifiedCollateral(T value, Time issue_date)
      : value_(std::move(value)), issue_date_(issue_date) {}
  T value_;
  Time issue_date_;
};
using VerifiedTcbInfo = VerifiedCollateral<TcbInfo>;
using VerifiedQeIdentity = VerifiedCollateral<QeIdentity>;

// Both check: a certificate named "Intel SGX TCB Signing" is here (else incomplete), its key holds
// the signature over the exact bytes of the object, its chain leads to a root, and rules.at lies
// from issueDate to nextUpdate (else incomplete).
Result<VerifiedTcbInfo> verify_tcb_info(const UntrustedTcbInfo& untrusted,
                                        const CollateralRules& rules);
Result<VerifiedQeIdentity> verify_qe_identity(const UntrustedQeIdentity& untrusted,
                                              const CollateralRules& rules);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule collateral_form{"tee.collateral.form"};
inline constexpr Rule collateral_signer{"tee.collateral.signer"};
inline constexpr Rule collateral_signature{"tee.collateral.signature"};
inline constexpr Rule collateral_time{"tee.collateral.time"};
}  // namespace attest::rules
