#include "libattest/result/jwt.h"

#include "libattest/base/text.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::result;

namespace {

std::unique_ptr<SigningKey> make_key(KeyKind kind = KeyKind::ed25519) {
  return must(make_signing_key(kind, system_random()));
}

std::string token_with_header(std::string_view header, std::string_view payload = "{}") {
  return to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload)) + "." +
         to_base64url(Bytes(64));
}

}  // namespace

TEST_CASE("a token signed by each kind of key is verified by that key") {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384}) {
    const auto key = make_key(kind);
    const UntrustedJwt jwt =
        must(parse_jwt(must(sign_jwt(as_bytes("{\"a\":1}"), "eat+jwt", *key))));
    REQUIRE(jwt.type == "eat+jwt");
    REQUIRE(jwt.key_id == to_hex(key->public_key().thumbprint()));
    const VerifiedJwt verified = must(verify_jwt(jwt, key->public_key()));
    REQUIRE(as_text(verified.payload()) == "{\"a\":1}");
    REQUIRE(verified.key() == key->public_key());
  }
}

TEST_CASE("RFC 8037 appendix A.4: the example's signature verifies") {
  const auto key = must(
      PublicKey::from_ed25519(must(from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))));
  const UntrustedJwt jwt = must(parse_jwt(
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"));
  REQUIRE(as_text(must(verify_jwt(jwt, key)).payload()) == "Example of Ed25519 signing");
}

TEST_CASE("the algorithm none and every other that is not accepted is refused") {
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"HS256"})", R"({"alg":"RS256"})",
                             R"({"alg":"eddsa"})", R"({"typ":"JWT"})", R"({"alg":1})"}) {
    INFO(header);
    REQUIRE_RULE(parse_jwt(token_with_header(header)), rules::jwt_algorithm);
  }
}

TEST_CASE("a header member that is not accepted is refused") {
  for (const char* member :
       {R"("crit":["b64"])", R"("b64":false)", R"("jwk":{})", R"("jku":"https://x.example")",
        R"("x5c":["a"])", R"("x5u":"a")", R"("kid":1)", R"("cty":"JWT")"}) {
    INFO(member);
    REQUIRE_RULE(parse_jwt(token_with_header(std::string(R"({"alg":"EdDSA",)") + member + "}")),
                 rules::jwt_header);
  }
}

TEST_CASE("a token of another form is refused") {
  REQUIRE_RULE(parse_jwt(token_with_header(R"({"alg":"EdDSA","alg":"EdDSA"})")), rules::jwt_form);
  REQUIRE_RULE(parse_jwt(token_with_header("[]")), rules::jwt_form);
  REQUIRE_RULE(parse_jwt(token_with_header("{")), rules::jwt_form);
  REQUIRE_RULE(parse_jwt(""), rules::jwt_form);
  const std::string good = must(sign_jwt(as_bytes("{}"), "JWT", *make_key()));
  REQUIRE_RULE(parse_jwt(good + ".x"), rules::jwt_form);
  REQUIRE_RULE(parse_jwt(good + "="), rules::jwt_form);
  REQUIRE_RULE(parse_jwt(good.substr(0, good.rfind('.'))), rules::jwt_form);
}

TEST_CASE("a key of another kind than the algorithm's is refused") {
  const auto key = make_key(KeyKind::ecdsa_p256);
  const UntrustedJwt jwt = must(parse_jwt(must(sign_jwt(as_bytes("{}"), "JWT", *key))));
  REQUIRE_RULE(verify_jwt(jwt, make_key(KeyKind::ecdsa_p384)->public_key()), rules::jwt_key);
  REQUIRE_RULE(verify_jwt(jwt, make_key()->public_key()), rules::jwt_key);
}

TEST_CASE("a signature by another key, or over other bytes, is refused") {
  const auto key = make_key();
  UntrustedJwt jwt = must(parse_jwt(must(sign_jwt(as_bytes("{}"), "JWT", *key))));
  REQUIRE_RULE(verify_jwt(jwt, make_key()->public_key()), rules::jwt_signature);
  jwt.signing_input += "x";
  REQUIRE_RULE(verify_jwt(jwt, key->public_key()), rules::jwt_signature);
}
