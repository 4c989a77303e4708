#include "libattest/tee/tdx_verification.h"

#include <algorithm>

namespace attest::tee {

namespace {

Status renamed(Status status, Rule rule, std::string what) {
  if (status || status.error().rule == rules::signature_form) return status;
  Error error = std::move(status).error();
  error.rule = rule;
  error.what = std::move(what);
  return fail(std::move(error));
}

Status check_signature(const UntrustedTdxQuote& quote) {
  TRY_WITHIN("attestation key", const PublicKey key,
             PublicKey::from_ec_point(KeyKind::ecdsa_p256, quote.attestation_key.first(32),
                                      quote.attestation_key.subspan(32)));
  return renamed(key.verify(SignatureScheme::ecdsa_sha256, quote.signed_bytes, quote.signature,
                            EcdsaForm::fixed),
                 rules::tdx_signature, "the quote's signature does not hold");
}

Status check_binding(const UntrustedTdxQuote& quote) {
  const Sha256 bound = sha256({quote.attestation_key, quote.qe_authentication_data});
  const ByteView data = quote.qe_report.report_data;
  const bool rest_zero =
      std::ranges::all_of(data.subspan(bound.size()), [](std::byte b) { return b == std::byte{}; });
  if (equal(data.first(bound.size()), bound) && rest_zero) return {};
  return fail(refused(rules::tdx_qe_binding,
                      "the quoting enclave does not vouch for the key that signed the quote")
                  .expected(to_hex(bound) + " and zeros")
                  .found(to_hex(data)));
}

Status check_qe_report(const UntrustedTdxQuote& quote, const Certificate& pck) {
  if (!has_common_name(pck, pck_name))
    return fail(refused(rules::tdx_pck_role, "the quoting enclave is certified by no PCK")
                    .expected(std::string(pck_name))
                    .found(pck.subject()));
  TRY(const PublicKey key, pck.public_key());
  return renamed(key.verify(SignatureScheme::ecdsa_sha256, quote.qe_report.bytes,
                            quote.qe_report_signature, EcdsaForm::fixed),
                 rules::tdx_qe_signature,
                 "the quoting enclave's report is not signed by the platform's PCK");
}

// A chain in a quote ends with a zero byte where C wrote it.
Result<std::vector<Certificate>> chain_in(const UntrustedTdxQuote& quote) {
  std::string_view pem = as_text(quote.pck_chain);
  while (pem.ends_with('\0')) pem.remove_suffix(1);
  TRY_WITHIN("PCK chain", std::vector<Certificate> chain, Certificate::all_from_pem(pem));
  return chain;
}

}  // namespace

Result<VerifiedTdxQuote> verify_tdx_quote(ByteView bytes, const TdxRules& tdx_rules) {
  const auto owned = std::make_shared<const Bytes>(to_bytes(bytes));
  TRY(UntrustedTdxQuote quote, parse_tdx_quote(*owned, tdx_rules.trailing));
  TRY_VOID(check_signature(quote));
  TRY_VOID(check_binding(quote));
  TRY(std::vector<Certificate> certificates, chain_in(quote));
  const Certificate pck = certificates.front();
  TRY_VOID(check_qe_report(quote, pck));
  TRY(PckFields platform, read_pck_certificate(pck));
  certificates.insert(certificates.end(), tdx_rules.certificates.begin(),
                      tdx_rules.certificates.end());
  TRY(VerifiedChain chain,
      verify_chain(
          pck, certificates, tdx_rules.roots,
          {.at = tdx_rules.at, .crls = tdx_rules.crls, .require_crl = tdx_rules.require_crl}));
  return VerifiedTdxQuote(owned, quote, std::move(chain), std::move(platform));
}

}  // namespace attest::tee
