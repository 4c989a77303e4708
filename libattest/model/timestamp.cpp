#include "libattest/model/timestamp.h"

#include <optional>

#include <openssl/ts.h>

#include "libattest/crypto/der.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest::model {

namespace {

using Response = std::unique_ptr<TS_RESP, openssl::Free<TS_RESP_free>>;
using VerifyContext = std::unique_ptr<TS_VERIFY_CTX, openssl::Free<TS_VERIFY_CTX_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::timestamp_form, "timestamp: " + std::move(what)));
}

std::optional<Time> time_of(const ASN1_GENERALIZEDTIME* stated) {
  tm parts{};
  if (stated == nullptr || ASN1_TIME_to_tm(stated, &parts) != 1) return std::nullopt;
  return from_unix(timegm(&parts));
}

Result<Response> parse_response(ByteView der) {
  TRY_WITHIN("timestamp", const ByteView whole, first_der_element(der));
  if (whole.size() != der.size()) return malformed("bytes follow the response");
  const unsigned char* at = openssl::data(der);
  Response response(d2i_TS_RESP(nullptr, &at, static_cast<long>(der.size())));
  if (!response) return malformed("this is no TimeStampResp");
  if (TS_RESP_get_tst_info(response.get()) == nullptr) return malformed("it holds no token");
  return response;
}

// store_at trusts the authority's last certificate, at the stated time.
openssl::X509Store store_at(const SigstoreAuthority& authority, Time time) {
  openssl::X509Store store(X509_STORE_new());
  if (!store) return store;
  X509_STORE_add_cert(store.get(), authority.chain.back().openssl());
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), unix_seconds(time));
  return store;
}

bool signed_by(const Response& response, ByteView data, const SigstoreAuthority& authority,
               Time time) {
  const openssl::CleanErrors clean;
  VerifyContext context(TS_VERIFY_CTX_new());
  if (!context) return false;
  TS_VERIFY_CTX_set_flags(context.get(), TS_VFY_VERSION | TS_VFY_DATA | TS_VFY_SIGNATURE);
  openssl::Bio bio = openssl::bio_over(data);
  TS_VERIFY_CTX_set_data(context.get(), bio.release());  // the context frees it
  openssl::X509Store store = store_at(authority, time);
  if (!store) return false;
  TS_VERIFY_CTX_set_store(context.get(), store.release());  // and this, and the certificates
  std::unique_ptr<STACK_OF(X509), FreeStack> others(sk_X509_new_null());
  for (const Certificate& each : authority.chain)
    if (X509_up_ref(each.openssl()) == 1) sk_X509_push(others.get(), each.openssl());
  TS_VERIFY_CTX_set_certs(context.get(), others.release());
  return TS_RESP_verify_response(context.get(), response.get()) == 1;
}

}  // namespace

Result<Time> verify_timestamp(ByteView response, ByteView data,
                              const std::vector<SigstoreAuthority>& authorities) {
  const openssl::CleanErrors clean;
  TRY(const Response parsed, parse_response(response));
  const auto time = time_of(TS_TST_INFO_get_time(TS_RESP_get_tst_info(parsed.get())));
  if (!time) return malformed("it states no time");
  bool signature_holds = false;
  for (const SigstoreAuthority& authority : authorities) {
    if (!signed_by(parsed, data, authority, *time)) continue;
    signature_holds = true;
    if (authority.valid.holds(*time)) return *time;
  }
  if (signature_holds)
    return fail(refused(rules::timestamp_time, "the timestamp's authority was not valid then")
                    .found(to_rfc3339(*time)));
  return fail(refused(rules::timestamp_signature,
                      "no trusted authority stated this time for this signature"));
}

}  // namespace attest::model
