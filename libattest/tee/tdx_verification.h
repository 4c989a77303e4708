// Verifying TDX quotes: who signed what, up to Intel's root. Whether the platform's patch level is
// good is a second question: tdx_tcb.h.
#pragma once

#include <vector>

#include "libattest/tee/pck_certificate.h"
#include "libattest/tee/tdx_quote.h"

namespace attest::tee {

struct TdxRules {
  Time at;
  std::vector<Certificate> roots;
  std::vector<Certificate> certificates = {};  // further authorities, where the quote lacks them
  std::vector<Bytes> crls = {};                // DER
  bool require_crl = true;
  TrailingBytes trailing = TrailingBytes::refuse;
};

// VerifiedTdxQuote: only verify_tdx_quote makes one. It owns its bytes.
class VerifiedTdxQuote {
 public:
  const UntrustedTdxQuote& quote() const { return quote_; }
  const UntrustedTdxQuote* operator->() const { return &quote_; }
  const VerifiedChain& chain() const { return chain_; }
  const PckFields& platform() const { return platform_; }

 private:
  friend Result<VerifiedTdxQuote> verify_tdx_quote(ByteView, const TdxRules&);
  VerifiedTdxQuote(std::shared_ptr<const Bytes> bytes, UntrustedTdxQuote quote, VerifiedChain chain,
                   PckFields platform)
      : bytes_(std::move(bytes)),
        quote_(std::move(quote)),
        chain_(std::move(chain)),
        platform_(std::move(platform)) {}
  std::shared_ptr<const Bytes> bytes_;
  UntrustedTdxQuote quote_;
  VerifiedChain chain_;
  PckFields platform_;
};

// verify_tdx_quote parses, and then checks in this order:
//   - the quote's signature over header and body, by the attestation key in it;
//   - that the quoting enclave vouches for that key: SHA-256(key ‖ authentication data) stands in
//     the first half of its report data, and the second half is zero;
//   - the QE report's signature, by the first certificate of the PCK chain, which is named as a PCK
//     certificate and has the SGX extension;
//   - the chain to a root among `roots`, at rules.at, with CRLs.
// Not checked: the patch levels of platform and quoting enclave, debug, report data, measurements.
Result<VerifiedTdxQuote> verify_tdx_quote(ByteView bytes, const TdxRules& rules);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule tdx_signature{"tee.tdx.signature"};
inline constexpr Rule tdx_qe_binding{"tee.tdx.qe-binding"};
inline constexpr Rule tdx_qe_signature{"tee.tdx.qe-signature"};
inline constexpr Rule tdx_pck_role{"tee.tdx.pck-role"};
}  // namespace attest::rules
