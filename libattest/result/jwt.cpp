#include "libattest/result/jwt.h"

#include <algorithm>
#include <array>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::result {

namespace {

constexpr std::size_t jwt_size_limit = 4U << 20;  // bytes
constexpr std::array all_algorithms{JwtAlgorithm::eddsa, JwtAlgorithm::es256, JwtAlgorithm::es384};

Error form_error(std::string what) {
  return refused(rules::jwt_form, std::move(what)).within("JWT");
}

KeyKind kind_for(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::eddsa:
      return KeyKind::ed25519;
    case JwtAlgorithm::es256:
      return KeyKind::ecdsa_p256;
    case JwtAlgorithm::es384:
      return KeyKind::ecdsa_p384;
  }
  return KeyKind::ed25519;
}

SignatureScheme scheme_for(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::eddsa:
      return SignatureScheme::ed25519;
    case JwtAlgorithm::es256:
      return SignatureScheme::ecdsa_sha256;
    case JwtAlgorithm::es384:
      return SignatureScheme::ecdsa_sha384;
  }
  return SignatureScheme::ed25519;
}

Result<Bytes> decode_part(std::string_view part, std::string_view name) {
  auto bytes = from_base64url(part);
  if (bytes) return bytes;
  return fail(form_error("the " + std::string(name) + " is not base64url"));
}

Status read_member(const std::string& name, const Json& value, UntrustedJwt& jwt) {
  if (!value.is_string())
    return fail(refused(rules::jwt_header, "header member \"" + printable(name, 40) +
                                               "\" is not text, or is not known here")
                    .within("JWT"));
  const std::string text = value.get<std::string>();
  if (name == "alg") return {};
  if (name == "typ") {
    jwt.type = text;
  } else if (name == "kid") {
    jwt.key_id = text;
  } else {
    // "crit", "b64", "jwk", "jku", "x5c" and "x5u" end here too: a reader that ignores one of them
    // can be made to verify something other than what was signed, or by another key.
    return fail(refused(rules::jwt_header, "the header has a member that is not accepted")
                    .expected("alg, typ, kid")
                    .found("\"" + printable(name, 40) + "\"")
                    .within("JWT"));
  }
  return {};
}

Result<JwtAlgorithm> read_algorithm(const Json& header) {
  const auto member = header.find("alg");
  const std::string name =
      member != header.end() && member->is_string() ? member->get<std::string>() : "";
  const auto algorithm = std::ranges::find_if(
      all_algorithms, [&](JwtAlgorithm candidate) { return to_string(candidate) == name; });
  if (algorithm != all_algorithms.end()) return *algorithm;
  return fail(refused(rules::jwt_algorithm, "the algorithm is not accepted")
                  .expected("EdDSA, ES256 or ES384")
                  .found(name.empty() ? "none" : "\"" + printable(name, 40) + "\"")
                  .within("JWT"));
}

Status read_header(ByteView bytes, UntrustedJwt& jwt) {
  auto header = parse_json(as_text(bytes), JsonLimits{4096, 4});
  if (!header || !header->is_object()) {
    Error error = header ? form_error("it is not an object") : std::move(header).error();
    error.rule = rules::jwt_form;
    return fail(std::move(error).within("header"));
  }
  TRY(jwt.algorithm, read_algorithm(*header));
  for (const auto& [name, value] : header->items()) TRY_VOID(read_member(name, value, jwt));
  return {};
}

}  // namespace

std::string_view to_string(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::eddsa:
      return "EdDSA";
    case JwtAlgorithm::es256:
      return "ES256";
    case JwtAlgorithm::es384:
      return "ES384";
  }
  return "EdDSA";
}

Result<UntrustedJwt> parse_jwt(std::string_view text) {
  if (text.size() > jwt_size_limit) return fail(form_error("the token is too large"));
  const auto parts = split(text, '.');
  if (parts.size() != 3)
    return fail(form_error("a signed token has three parts")
                    .expected("3")
                    .found(std::to_string(parts.size())));
  UntrustedJwt jwt;
  TRY(const Bytes header, decode_part(parts[0], "header"));
  TRY_VOID(read_header(header, jwt));
  TRY(jwt.payload, decode_part(parts[1], "payload"));
  TRY(jwt.signature, decode_part(parts[2], "signature"));
  jwt.signing_input = text.substr(0, parts[0].size() + 1 + parts[1].size());
  return jwt;
}

Result<VerifiedJwt> verify_jwt(const UntrustedJwt& jwt, const PublicKey& key) {
  if (key.kind() != kind_for(jwt.algorithm))
    return fail(refused(rules::jwt_key, "the algorithm does not fit the key")
                    .expected(std::string(to_string(key.kind())))
                    .found(std::string(to_string(jwt.algorithm)))
                    .within("JWT"));
  if (!key.verify(scheme_for(jwt.algorithm), as_bytes(jwt.signing_input), jwt.signature,
                  EcdsaForm::fixed))
    return fail(refused(rules::jwt_signature, "the signature does not hold").within("JWT"));
  return VerifiedJwt(jwt.payload, key);
}

Result<std::string> sign_jwt(ByteView payload, std::string_view type, const SigningKey& key) {
  const auto algorithm = std::ranges::find_if(all_algorithms, [&](JwtAlgorithm candidate) {
    return kind_for(candidate) == key.public_key().kind();
  });
  if (algorithm == all_algorithms.end())
    return fail(usage_error("a JWT cannot be signed by this kind of key")
                    .expected("Ed25519, P-256 or P-384")
                    .found(std::string(to_string(key.public_key().kind()))));
  const Json header{{"alg", to_string(*algorithm)},
                    {"kid", to_hex(key.public_key().thumbprint())},
                    {"typ", type}};
  std::string token = to_base64url(as_bytes(to_line(header))) + "." + to_base64url(payload);
  TRY(const Bytes signature, key.sign(as_bytes(token)));
  return token + "." + to_base64url(signature);
}

}  // namespace attest::result
