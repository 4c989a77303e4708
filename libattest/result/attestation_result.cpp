#include "libattest/result/attestation_result.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/result/ear_claims.h"

namespace attest::result {

namespace {

// The claims of a CWT stand in the payload, so its content type is that of an unsigned claims set
// (RFC 9782).
constexpr std::string_view cwt_payload_type = "application/eat-ucs+cbor";
constexpr std::string_view jwt_type = "eat+jwt";
constexpr std::string_view place = "result";

std::string_view trim_line_breaks(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

bool looks_like_jwt(std::string_view text) {
  return std::ranges::count(text, '.') == 2 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

bool signed_by(const std::variant<UntrustedJwt, cose::UntrustedSign1>& envelope,
               const PublicKey& key) {
  if (const auto* jwt = std::get_if<UntrustedJwt>(&envelope))
    return verify_jwt(*jwt, key).has_value();
  return cose::verify_sign1(std::get<cose::UntrustedSign1>(envelope), key).has_value();
}

}  // namespace

Result<std::string> sign_as_jwt(const Ear& ear, const SigningKey& key) {
  const std::string claims = to_json(ear);
  TRY_VOID(parse_ear_json(claims));
  return sign_jwt(as_bytes(claims), jwt_type, key);
}

Result<Bytes> sign_as_cwt(const Ear& ear, const SigningKey& key) {
  cose::Sign1Content content;
  content.content_type = cwt_payload_type;
  TRY(content.payload, to_cbor(ear));
  TRY_VOID(parse_ear_cbor(content.payload));
  return cose::sign1(content, key);
}

Result<UntrustedResult> parse_result(ByteView bytes) {
  const std::string_view text = trim_line_breaks(as_text(bytes));
  if (looks_like_jwt(text)) {
    TRY_WITHIN(place, UntrustedJwt jwt, parse_jwt(text));
    TRY_WITHIN(place, Ear ear, parse_ear_json(as_text(jwt.payload)));
    return UntrustedResult(to_bytes(text), std::move(jwt), std::move(ear));
  }
  TRY_WITHIN(place, cose::UntrustedSign1 message, cose::parse_sign1(bytes));
  if (!message.payload)
    return fail(refused(rules::result_form, "the CWT's claims are detached").within(place));
  TRY_WITHIN(place, Ear ear, parse_ear_cbor(*message.payload));
  return UntrustedResult(to_bytes(bytes), std::move(message), std::move(ear));
}

Result<VerifiedResult> verify_result(const UntrustedResult& result,
                                     std::span<const ResultSigner> signers, Time now) {
  const Ear& ear = result.ear_;
  const PublicKey* key = nullptr;
  bool known = false;
  for (const ResultSigner& signer : signers) {
    if (signer.name != ear.issuer) continue;
    known = true;
    if (!key && signed_by(result.envelope_, signer.key)) key = &signer.key;
  }
  if (!known)
    return fail(refused(rules::result_unknown_signer, "the result's issuer is no verifier we know")
                    .found("\"" + printable(ear.issuer, 80) + "\"")
                    .next("if it should be known, add it to the trust root as a [[verifier]]")
                    .within(place));
  if (!key)
    return fail(refused(rules::result_signature, "the signature is by no key known for \"" +
                                                     printable(ear.issuer, 80) + "\"")
                    .within(place));
  if (ear.issued_at > now + result_allowed_skew)
    return fail(refused(rules::result_not_yet_valid, "the result is from the future")
                    .expected("issued by " + to_rfc3339(now))
                    .found(to_rfc3339(ear.issued_at))
                    .within(place));
  if (!ear.expires)
    return fail(incomplete(rules::result_no_expiry, "the result does not say how long it holds")
                    .within(place));
  if (now >= *ear.expires)
    return fail(incomplete(rules::result_expired, "the result has expired")
                    .expected("use before " + to_rfc3339(*ear.expires))
                    .found(to_rfc3339(now))
                    .next("ask the node to attest again")
                    .within(place));
  return VerifiedResult(ear, *key, result.bytes_);
}

}  // namespace attest::result
