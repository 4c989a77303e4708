#include "libattest/gpu/ocsp.h"

#include <algorithm>
#include <ctime>
#include <new>
#include <optional>

#include <openssl/ocsp.h>

#include "libattest/crypto/der.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest::gpu {

namespace {

constexpr std::size_t max_response = 64U << 10;

using Response = std::unique_ptr<OCSP_RESPONSE, openssl::Free<OCSP_RESPONSE_free>>;
using CertificateId = std::unique_ptr<OCSP_CERTID, openssl::Free<OCSP_CERTID_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

Result<Bytes> der_of(ByteView content) {
  // DER of a response begins with a SEQUENCE tag, 0x30, which is also the digit '0': only a whole
  // element counts as DER.
  const auto element = first_der_element(content);
  if (element && element->size() == content.size()) return to_bytes(content);
  std::string text(as_text(content));
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
  auto decoded = from_base64(text);
  if (!decoded)
    return fail(
        refused(rules::ocsp_form, "this is no OCSP response").expected("DER, or base64 of it"));
  return decoded;
}

std::optional<Time> time_of(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return from_unix(timegm(&parts));
}

// The single response about `certificate`, compared by the digest the responder used.
OCSP_SINGLERESP* about(OCSP_BASICRESP* basic, const Certificate& certificate,
                       const Certificate& issuer) {
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, i);
    const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* digest = nullptr;
    // Only reads; OpenSSL's parameter is not const.
    if (OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, const_cast<OCSP_CERTID*>(id)) != 1)
      continue;
    const EVP_MD* algorithm = EVP_get_digestbyobj(digest);
    if (algorithm == nullptr) continue;
    const CertificateId ours(OCSP_cert_to_id(algorithm, certificate.openssl(), issuer.openssl()));
    if (ours && OCSP_id_cmp(ours.get(), id) == 0) return single;
  }
  return nullptr;
}

Status check_signature(OCSP_BASICRESP* basic, const Certificate& issuer, Time at) {
  const openssl::X509Store store(X509_STORE_new());
  const std::unique_ptr<STACK_OF(X509), FreeStack> helpers(sk_X509_new_null());
  if (!store || !helpers || sk_X509_push(helpers.get(), issuer.openssl()) == 0)
    throw std::bad_alloc();
  // The issuer was tied to the root when its chain was verified; here the path ends at it.
  X509_STORE_add_cert(store.get(), issuer.openssl());
  X509_VERIFY_PARAM* parameters = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(parameters, unix_seconds(at));
  if (OCSP_basic_verify(basic, helpers.get(), store.get(), 0) == 1) return {};
  return fail(refused(rules::ocsp_signature,
                      "an OCSP response was not signed by whoever may speak for the issuer")
                  .expected("a signature by " + issuer.subject() + " or its responder, valid at " +
                            to_rfc3339(at)));
}

// A response outside its time says nothing about `at`, and its signer's certificate may well have
// ended since: the time is judged first where it alone decides.
Result<CertificateStatus> check_time(OCSP_SINGLERESP* single, Time at) {
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  OCSP_single_get0_status(single, nullptr, nullptr, &this_update, &next_update);
  const auto from = time_of(this_update);
  const auto until = time_of(next_update);
  const auto stale = [&](std::string what) {
    return fail(incomplete(rules::ocsp_stale, std::move(what))
                    .expected("an OCSP response that counts at " + to_rfc3339(at))
                    .found(std::string("one from ") + (from ? to_rfc3339(*from) : "?") + " to " +
                           (until ? to_rfc3339(*until) : "?"))
                    .next("staple a response of that time to the evidence"));
  };
  if (!from || !until) return stale("an OCSP response does not say how long it counts");
  if (at < *from) return stale("an OCSP response is of a later time");
  if (at > *until) return stale("an OCSP response is out of date");
  return CertificateStatus{*from, *until};
}

Result<CertificateStatus> judge(OCSP_BASICRESP* basic, OCSP_SINGLERESP* single,
                                const Certificate& issuer, Time at) {
  const auto time = check_time(single, at);
  // A stale response is held against the time at which it counted, so that a forged one is refused
  // and not merely out of date.
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  const int status = OCSP_single_get0_status(single, nullptr, nullptr, &this_update, nullptr);
  const Time signed_at = time ? at : time_of(this_update).value_or(at);
  TRY_VOID(check_signature(basic, issuer, signed_at));
  if (status == V_OCSP_CERTSTATUS_REVOKED)
    return fail(refused(rules::ocsp_revoked, "the issuer has revoked the certificate, or holds it")
                    .found("revoked"));
  if (!time) return time;
  if (status != V_OCSP_CERTSTATUS_GOOD)
    return fail(incomplete(rules::ocsp_unknown, "the issuer does not know the certificate"));
  return time;
}

}  // namespace

Result<OcspResponse> OcspResponse::parse(ByteView content) {
  const openssl::CleanErrors clean;
  if (content.size() > max_response)
    return fail(refused(rules::ocsp_form, "this is too large for an OCSP response")
                    .expected("at most 64 KiB"));
  TRY(const Bytes der, der_of(content));
  TRY_WITHIN("OCSP response", const ByteView element, first_der_element(der));
  const unsigned char* at = openssl::data(ByteView(der));
  const Response response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (!response || element.size() != der.size() || at != openssl::data(ByteView(der)) + der.size())
    return fail(refused(rules::ocsp_form, "this is no OCSP response in DER"));
  if (const int status = OCSP_response_status(response.get());
      status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return fail(incomplete(rules::ocsp_responder, "the OCSP responder gave no answer")
                    .found(OCSP_response_status_str(status)));
  std::shared_ptr<OCSP_BASICRESP> basic(OCSP_response_get1_basic(response.get()),
                                        openssl::Free<OCSP_BASICRESP_free>());
  if (!basic) return fail(refused(rules::ocsp_form, "the OCSP response is not a basic one"));
  return OcspResponse(std::move(basic));
}

Result<CertificateStatus> check_status(const VerifiedChain& chain, std::size_t index,
                                       std::span<const OcspResponse> responses, Time at) {
  const openssl::CleanErrors clean;
  const Certificate& certificate = chain.certificates().at(index);
  const Certificate& issuer = chain.certificates().at(index + 1);
  std::optional<Result<CertificateStatus>> best;
  for (const OcspResponse& response : responses) {
    OCSP_SINGLERESP* single = about(response.openssl(), certificate, issuer);
    if (single == nullptr) continue;
    auto status = judge(response.openssl(), single, issuer, at);
    if (!status && status.error().rule == rules::ocsp_revoked)
      return fail(std::move(status).error().within(certificate.subject()));
    if (!best || (!*best && status)) best = std::move(status);
  }
  if (!best)
    return fail(incomplete(rules::ocsp_missing, "no OCSP response speaks of a certificate")
                    .within(certificate.subject())
                    .next("staple the issuer's response to the evidence"));
  if (!*best) return fail(std::move(*best).error().within(certificate.subject()));
  return *std::move(best);
}

}  // namespace attest::gpu
