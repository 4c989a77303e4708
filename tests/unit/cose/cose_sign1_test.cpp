#include "libattest/cose/cose_sign1.h"

#include "tests/support/catch.h"

namespace attest::cose {

namespace {

Bytes message_of(const cbor::Value& protected_header, cbor::Map unprotected = {},
                 cbor::Value payload = to_bytes("payload"), cbor::Value signature = Bytes(64)) {
  return cbor::encode(
      cbor::Value::tagged(18, cbor::Array{cbor::encode(protected_header), std::move(unprotected),
                                          std::move(payload), std::move(signature)}));
}

const cbor::Map es256_header{{1, -7}};

cbor::Map with(cbor::Map map, cbor::Value key, cbor::Value value) {
  map.emplace_back(std::move(key), std::move(value));
  return map;
}

Sign1Content content_with_claims() {
  Sign1Content content;
  content.content_type = "application/example";
  content.claims.issuer = "issuer.example";
  content.claims.subject = "sha256:00";
  content.claims.issued_at = from_unix(1'795'000'000);
  content.payload = to_bytes("payload");
  return content;
}

}  // namespace

TEST_CASE("what is signed is read back whole, for each kind of key that signs") {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384}) {
    const auto key = must(make_signing_key(kind, system_random()));
    const Bytes bytes = must(sign1(content_with_claims(), *key, as_bytes("aad")));
    const UntrustedSign1 parsed = must(parse_sign1(bytes));
    CHECK(parsed.algorithm == must(algorithm_of(*key)));
    CHECK(parsed.content_type == "application/example");
    CHECK(parsed.claims.issuer == "issuer.example");
    CHECK(parsed.claims.issued_at == from_unix(1'795'000'000));
    CHECK(equal(*parsed.key_id, key->public_key().thumbprint()));
    const VerifiedSign1 verified = must(verify_sign1(parsed, key->public_key(), as_bytes("aad")));
    CHECK(as_text(verified.payload()) == "payload");
  }
}

TEST_CASE("a changed payload, header, external data or key is refused") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  const auto other = must(make_signing_key(KeyKind::ed25519, system_random()));
  const UntrustedSign1 good = must(parse_sign1(must(sign1(content_with_claims(), *key))));
  REQUIRE_OK(verify_sign1(good, key->public_key()));
  UntrustedSign1 changed = good;
  changed.payload->front() ^= std::byte{1};
  REQUIRE_RULE(verify_sign1(changed, key->public_key()), rules::cose_signature);
  changed = good;
  changed.protected_bytes.back() ^= std::byte{1};
  REQUIRE_RULE(verify_sign1(changed, key->public_key()), rules::cose_signature);
  REQUIRE_RULE(verify_sign1(good, key->public_key(), as_bytes("x")), rules::cose_signature);
  REQUIRE_RULE(verify_sign1(good, other->public_key()), rules::cose_signature);
}

TEST_CASE("an algorithm that does not fit the key is refused") {
  const auto p256 = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  const auto p384 = must(make_signing_key(KeyKind::ecdsa_p384, system_random()));
  const UntrustedSign1 message = must(parse_sign1(must(sign1(content_with_claims(), *p256))));
  REQUIRE_RULE(verify_sign1(message, p384->public_key()), rules::cose_algorithm);
}

TEST_CASE("a payload is attached or given, never both and never neither") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  Sign1Content content = content_with_claims();
  const Bytes payload = content.payload;
  const UntrustedSign1 attached = must(parse_sign1(must(sign1(content, *key))));
  content.detached = true;
  const UntrustedSign1 detached = must(parse_sign1(must(sign1(content, *key))));
  REQUIRE_OK(verify_sign1(detached, key->public_key(), {}, ByteView(payload)));
  REQUIRE_RULE(verify_sign1(detached, key->public_key()), rules::cose_payload);
  REQUIRE_RULE(verify_sign1(attached, key->public_key(), {}, ByteView(payload)),
               rules::cose_payload);
}

TEST_CASE("both the tagged and the untagged form are read, and no other tag") {
  const cbor::Array parts{cbor::encode(es256_header), cbor::Map{}, Bytes(3), Bytes(64)};
  REQUIRE_OK(parse_sign1(cbor::encode(parts)));
  REQUIRE_OK(parse_sign1(cbor::encode(cbor::Value::tagged(18, parts))));
  REQUIRE_RULE(parse_sign1(cbor::encode(cbor::Value::tagged(98, parts))), rules::cose_form);
  Bytes longer = cbor::encode(parts);
  longer.push_back(std::byte{0});
  REQUIRE_RULE(parse_sign1(longer), rules::cbor_trailing);
}

TEST_CASE("the parts of a COSE_Sign1 have their types") {
  const Bytes header = cbor::encode(es256_header);
  const auto parse = [](cbor::Array parts) { return parse_sign1(cbor::encode(parts)); };
  REQUIRE_OK(parse({header, cbor::Map{}, nullptr, Bytes(64)}));
  REQUIRE_RULE(parse({header, cbor::Map{}, Bytes(1)}), rules::cose_form);
  REQUIRE_RULE(parse({es256_header, cbor::Map{}, Bytes(1), Bytes(64)}), rules::cose_form);
  REQUIRE_RULE(parse({header, cbor::Array{}, Bytes(1), Bytes(64)}), rules::cose_form);
  REQUIRE_RULE(parse({header, cbor::Map{}, "text", Bytes(64)}), rules::cose_form);
  REQUIRE_RULE(parse({header, cbor::Map{}, Bytes(1), "text"}), rules::cose_form);
  REQUIRE_RULE(parse({cbor::encode(cbor::Array{1, -7}), cbor::Map{}, Bytes(1), Bytes(64)}),
               rules::cose_form);
}

TEST_CASE("the algorithm is known, and covered by the signature") {
  REQUIRE_RULE(parse_sign1(message_of(cbor::Map{})), rules::cose_algorithm);
  REQUIRE_RULE(parse_sign1(message_of(cbor::Map{{1, -257}})), rules::cose_algorithm);
  REQUIRE_RULE(parse_sign1(message_of(cbor::Map{}, {{1, -7}})), rules::cose_algorithm);
}

TEST_CASE("a label stands in one header only") {
  REQUIRE_RULE(parse_sign1(message_of(with(es256_header, 4, Bytes(1)), {{4, Bytes(1)}})),
               rules::cose_header_twice);
  REQUIRE_RULE(parse_sign1(message_of(es256_header, {{Bytes(1), 1}})), rules::cose_form);
}

TEST_CASE("a critical header is understood or the message refused") {
  const auto parse = [](cbor::Value critical) {
    return parse_sign1(message_of(with(with(es256_header, 2, std::move(critical)), 4, Bytes(1))));
  };
  REQUIRE_OK(parse(cbor::Array{4}));
  const Bytes own = message_of(with(with(es256_header, 2, cbor::Array{100}), 100, 1));
  REQUIRE_RULE(parse_sign1(own), rules::cose_critical);
  REQUIRE_OK(parse_sign1(own, {100}));
  REQUIRE_RULE(parse(cbor::Array{100}), rules::cose_critical);
  REQUIRE_RULE(parse(cbor::Array{15}), rules::cose_critical);  // understood, and not there
  REQUIRE_RULE(parse(cbor::Array{}), rules::cose_critical);
  REQUIRE_RULE(parse(4), rules::cose_critical);
  REQUIRE_RULE(parse_sign1(message_of(es256_header, {{2, cbor::Array{1}}})), rules::cose_critical);
}

TEST_CASE("CWT claims are protected and have their types") {
  const auto parse = [](cbor::Map claims) {
    return parse_sign1(message_of(with(es256_header, 15, std::move(claims))));
  };
  const UntrustedSign1 parsed =
      must(parse({{1, "i"}, {2, "s"}, {4, 20}, {5, 10}, {6, 15}, {"x", true}}));
  CHECK(parsed.claims.expires == from_unix(20));
  CHECK(parsed.claims.not_before == from_unix(10));
  CHECK(parsed.claims.others.size() == 1);
  CHECK(must(parse({{6, cbor::Value::tagged(1, 15)}})).claims.issued_at == from_unix(15));
  REQUIRE_RULE(parse({{6, cbor::Value::tagged(2, 15)}}), rules::cose_form);
  REQUIRE_RULE(parse({{1, 1}}), rules::cose_form);
  REQUIRE_RULE(parse({{6, "now"}}), rules::cose_form);
  REQUIRE_RULE(parse({{6, -1}}), rules::cose_form);
  REQUIRE_RULE(parse({{6, 253'402'300'800}}), rules::cose_form);
  REQUIRE_RULE(parse_sign1(message_of(with(es256_header, 15, 1))), rules::cose_form);
  REQUIRE_RULE(parse_sign1(message_of(es256_header, {{15, cbor::Map{{1, "i"}}}})),
               rules::cose_form);
}

TEST_CASE("headers of a caller that would make the message malformed are not signed") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  Sign1Content content = content_with_claims();
  content.unprotected = {{4, Bytes(1)}};
  REQUIRE_RULE(sign1(content, *key), rules::cose_header_twice);
}

}  // namespace attest::cose
