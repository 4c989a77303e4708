// Stapled OCSP responses (RFC 6960): what a certificate's issuer said of it, kept beside the
// evidence, and judged at an explicit time.
//
// Pure functions; values are immutable and usable from any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "libattest/crypto/certificate.h"

struct ocsp_basic_response_st;

namespace attest::gpu {

// OcspResponse is a parsed, unverified response of status "successful".
class OcspResponse {
 public:
  // parse reads DER, or base64 text of it. A responder's error ("tryLater") is incomplete, all else
  // that is no basic response is refused (rules::ocsp_form).
  static Result<OcspResponse> parse(ByteView content);
  ocsp_basic_response_st* openssl() const { return basic_.get(); }

 private:
  explicit OcspResponse(std::shared_ptr<ocsp_basic_response_st> basic) : basic_(std::move(basic)) {}
  std::shared_ptr<ocsp_basic_response_st> basic_;
};

struct CertificateStatus {
  Time this_update;
  Time next_update;
};

// check_status finds, among `responses`, the one that speaks of certificate `index` of a verified
// chain as issued by the next one (CertID: issuer's name and key, serial number), and checks, in
// this order, that
//   - its signer is the issuer, or holds a certificate by the issuer for OCSP signing that is
//     valid at `at`, and the signature holds (rules::ocsp_signature);
//   - it says "good": "revoked", for certificates on hold as well, is refused
//   (rules::ocsp_revoked),
//     "unknown" is incomplete (rules::ocsp_unknown);
//   - `at` lies between thisUpdate and nextUpdate, and there is a nextUpdate; earlier or later is
//     incomplete (rules::ocsp_stale).
// No response for this certificate is incomplete (rules::ocsp_missing). Of several, one that passes
// is enough unless another says "revoked". The root itself is nobody's to revoke: `index` is below
// it.
Result<CertificateStatus> check_status(const VerifiedChain& chain, std::size_t index,
                                       std::span<const OcspResponse> responses, Time at);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule ocsp_form{"gpu.ocsp.form"};
inline constexpr Rule ocsp_responder{"gpu.ocsp.responder"};
inline constexpr Rule ocsp_missing{"gpu.ocsp.missing"};
inline constexpr Rule ocsp_signature{"gpu.ocsp.signature"};
inline constexpr Rule ocsp_revoked{"gpu.ocsp.revoked"};
inline constexpr Rule ocsp_unknown{"gpu.ocsp.unknown"};
inline constexpr Rule ocsp_stale{"gpu.ocsp.stale"};
}  // namespace attest::rules
