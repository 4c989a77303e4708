#include "libattest/cose/cose_sign1.h"

#include <algorithm>
#include <array>

namespace attest::cose {

namespace {

namespace label {
constexpr int algorithm = 1;
constexpr int critical = 2;
constexpr int content_type = 3;
constexpr int key_id = 4;
constexpr int cwt_claims = 15;
}  // namespace label

namespace claim {
constexpr int issuer = 1;
constexpr int subject = 2;
constexpr int expires = 4;
constexpr int not_before = 5;
constexpr int issued_at = 6;
}  // namespace claim

constexpr std::uint64_t sign1_tag = 18;
constexpr std::int64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z

struct AlgorithmFacts {
  Algorithm algorithm;
  std::string_view name;
  KeyKind key;
  SignatureScheme scheme;
};

constexpr std::array algorithms = {
    AlgorithmFacts{Algorithm::es256, "ES256", KeyKind::ecdsa_p256, SignatureScheme::ecdsa_sha256},
    AlgorithmFacts{Algorithm::es384, "ES384", KeyKind::ecdsa_p384, SignatureScheme::ecdsa_sha384},
    AlgorithmFacts{Algorithm::es512, "ES512", KeyKind::ecdsa_p521, SignatureScheme::ecdsa_sha512},
    AlgorithmFacts{Algorithm::eddsa, "EdDSA", KeyKind::ed25519, SignatureScheme::ed25519},
    AlgorithmFacts{Algorithm::ps256, "PS256", KeyKind::rsa, SignatureScheme::rsa_pss_sha256},
    AlgorithmFacts{Algorithm::ps384, "PS384", KeyKind::rsa, SignatureScheme::rsa_pss_sha384},
    AlgorithmFacts{Algorithm::ps512, "PS512", KeyKind::rsa, SignatureScheme::rsa_pss_sha512},
};

// Every Algorithm has its row: values come from parse_algorithm or from the enumerators.
const AlgorithmFacts& facts_of(Algorithm algorithm) {
  return *std::ranges::find(algorithms, algorithm, &AlgorithmFacts::algorithm);
}

std::unexpected<Error> bad_form(std::string what) {
  return fail(refused(rules::cose_form, std::move(what)));
}

bool is_label(const cbor::Value& value) {
  return value.as_integer().has_value() || value.as_text() != nullptr;
}

const cbor::Value* find(const cbor::Map& map, const cbor::Value& key) {
  const auto member = std::ranges::find(map, key, &cbor::Map::value_type::first);
  return member == map.end() ? nullptr : &member->second;
}

std::string shown(const cbor::Value& header_label) {
  if (const auto number = header_label.as_integer()) return std::to_string(*number);
  const std::string* text = header_label.as_text();
  return text != nullptr ? "\"" + *text + "\"" : std::string(header_label.type_name());
}

Status check_labels(const UntrustedSign1& message) {
  for (const auto* header : {&message.protected_header, &message.unprotected_header})
    for (const auto& [key, value] : *header)
      if (!is_label(key)) return bad_form("a header label is neither an integer nor a text");
  for (const auto& [key, value] : message.unprotected_header)
    if (find(message.protected_header, key) != nullptr)
      return fail(refused(rules::cose_header_twice, "a label stands in both headers")
                      .found("label " + shown(key)));
  return {};
}

Result<Algorithm> parse_algorithm(const UntrustedSign1& message) {
  if (find(message.unprotected_header, label::algorithm) != nullptr)
    return fail(refused(rules::cose_algorithm, "the algorithm is not protected by the signature"));
  const cbor::Value* value = find(message.protected_header, label::algorithm);
  if (value == nullptr)
    return fail(refused(rules::cose_algorithm, "the protected header names no algorithm"));
  const auto number = value->as_integer();
  const auto* known = std::ranges::find_if(algorithms, [&](const AlgorithmFacts& facts) {
    return number && static_cast<std::int64_t>(facts.algorithm) == *number;
  });
  if (known == algorithms.end())
    return fail(refused(rules::cose_algorithm, "the signature algorithm is not supported")
                    .expected("ES256, ES384, ES512, EdDSA, PS256, PS384 or PS512")
                    .found(shown(*value)));
  return known->algorithm;
}

// RFC 9052 section 3.1: whoever does not understand a critical header must not go on.
Status check_critical(const UntrustedSign1& message, const cbor::Array& understood) {
  if (find(message.unprotected_header, label::critical) != nullptr)
    return fail(refused(rules::cose_critical, "\"crit\" stands in the unprotected header"));
  const cbor::Value* critical = find(message.protected_header, label::critical);
  if (critical == nullptr) return {};
  const cbor::Array* labels = critical->as_array();
  if (labels == nullptr || labels->empty())
    return fail(refused(rules::cose_critical, "\"crit\" is not a list of labels"));
  static const std::array<cbor::Value, 4> known = {label::algorithm, label::content_type,
                                                   label::key_id, label::cwt_claims};
  for (const cbor::Value& named : *labels) {
    if (std::ranges::find(known, named) == known.end() &&
        std::ranges::find(understood, named) == understood.end())
      return fail(refused(rules::cose_critical, "a critical header is not understood")
                      .found("label " + shown(named)));
    if (find(message.protected_header, named) == nullptr)
      return fail(refused(rules::cose_critical, "a critical header is not there")
                      .expected("label " + shown(named)));
  }
  return {};
}

Result<std::string> claim_text(const cbor::Value& value, std::string_view name) {
  const std::string* text = value.as_text();
  if (text == nullptr) return bad_form("CWT claim " + std::string(name) + " is no text");
  return *text;
}

// RFC 8392 section 2 has a NumericDate without its tag 1; statements in the wild carry it.
Result<Time> claim_time(const cbor::Value& value, std::string_view name) {
  const cbor::Tagged* tagged = value.as_tagged();
  const auto seconds =
      tagged != nullptr && tagged->tag == 1 ? tagged->content.as_integer() : value.as_integer();
  if (!seconds || *seconds < 0 || *seconds > last_second)
    return bad_form("CWT claim " + std::string(name) + " is no time in whole seconds since 1970");
  return from_unix(*seconds);
}

Result<CwtClaims> parse_claims(const cbor::Value& value) {
  const cbor::Map* map = value.as_map();
  if (map == nullptr) return bad_form("the CWT claims are no map");
  CwtClaims claims;
  for (const auto& [key, member] : *map) {
    if (!is_label(key)) return bad_form("a CWT claim key is neither an integer nor a text");
    if (key == claim::issuer) {
      TRY(claims.issuer, claim_text(member, "iss"));
    } else if (key == claim::subject) {
      TRY(claims.subject, claim_text(member, "sub"));
    } else if (key == claim::expires) {
      TRY(claims.expires, claim_time(member, "exp"));
    } else if (key == claim::not_before) {
      TRY(claims.not_before, claim_time(member, "nbf"));
    } else if (key == claim::issued_at) {
      TRY(claims.issued_at, claim_time(member, "iat"));
    } else {
      claims.others.emplace_back(key, member);
    }
  }
  return claims;
}

// The content type may be a text or a CoAP content format; the number is kept in the header only.
Result<std::optional<std::string>> parse_content_type(const cbor::Map& header) {
  const cbor::Value* value = find(header, label::content_type);
  if (value == nullptr || value->as_unsigned() != nullptr) return std::nullopt;
  if (value->as_text() == nullptr) return bad_form("the content type is neither text nor number");
  return *value->as_text();
}

// The key identifier is a hint where to look for the key: either header may hold it.
Result<std::optional<Bytes>> parse_key_id(const UntrustedSign1& message) {
  const cbor::Value* value = find(message.protected_header, label::key_id);
  if (value == nullptr) value = find(message.unprotected_header, label::key_id);
  if (value == nullptr) return std::nullopt;
  if (value->as_bytes() == nullptr) return bad_form("the key identifier is no byte string");
  return *value->as_bytes();
}

Status parse_headers(UntrustedSign1& message, const cbor::Array& understood) {
  TRY_VOID(check_labels(message));
  TRY(message.algorithm, parse_algorithm(message));
  TRY_VOID(check_critical(message, understood));
  TRY(message.content_type, parse_content_type(message.protected_header));
  TRY(message.key_id, parse_key_id(message));
  if (find(message.unprotected_header, label::cwt_claims) != nullptr)
    return bad_form("the CWT claims are not protected by the signature");
  if (const cbor::Value* claims = find(message.protected_header, label::cwt_claims)) {
    TRY(message.claims, parse_claims(*claims));
  }
  return {};
}

Result<cbor::Map> parse_protected(const Bytes& bytes) {
  TRY_WITHIN("protected header", const cbor::Value value, cbor::decode(bytes));
  if (value.as_map() == nullptr) return bad_form("the protected header holds no map");
  return *value.as_map();
}

Bytes signed_bytes(ByteView protected_bytes, ByteView external_aad, ByteView payload) {
  return cbor::encode(cbor::Array{"Signature1", protected_bytes, external_aad, payload});
}

cbor::Map encode_claims(const CwtClaims& claims) {
  cbor::Map map;
  if (claims.issuer) map.emplace_back(claim::issuer, *claims.issuer);
  if (claims.subject) map.emplace_back(claim::subject, *claims.subject);
  if (claims.expires) map.emplace_back(claim::expires, unix_seconds(*claims.expires));
  if (claims.not_before) map.emplace_back(claim::not_before, unix_seconds(*claims.not_before));
  if (claims.issued_at) map.emplace_back(claim::issued_at, unix_seconds(*claims.issued_at));
  map.insert(map.end(), claims.others.begin(), claims.others.end());
  return map;
}

// Who writes a critical header understands it.
cbor::Array critical_of(const cbor::Map& header) {
  const cbor::Value* critical = find(header, label::critical);
  return critical != nullptr && critical->as_array() != nullptr ? *critical->as_array()
                                                                : cbor::Array{};
}

}  // namespace

Result<Algorithm> algorithm_of(const SigningKey& key) {
  const auto* known = std::ranges::find_if(algorithms, [&](const AlgorithmFacts& facts) {
    return facts.scheme == key.scheme() && facts.key == key.public_key().kind();
  });
  if (known == algorithms.end())
    return fail(refused(rules::cose_algorithm, "no COSE algorithm is for this key")
                    .found(std::string(attest::to_string(key.public_key().kind()))));
  return known->algorithm;
}

SignatureScheme scheme_of(Algorithm algorithm) {
  return facts_of(algorithm).scheme;
}

std::string_view to_string(Algorithm algorithm) {
  return facts_of(algorithm).name;
}

Result<UntrustedSign1> parse_sign1(ByteView bytes, const cbor::Array& understood) {
  TRY_WITHIN("COSE_Sign1", const cbor::Value whole, cbor::decode(bytes));
  const cbor::Tagged* tagged = whole.as_tagged();
  if (tagged != nullptr && tagged->tag != sign1_tag)
    return fail(refused(rules::cose_form, "this is not a COSE_Sign1")
                    .expected("tag 18")
                    .found("tag " + std::to_string(tagged->tag)));
  const cbor::Array* parts = (tagged != nullptr ? tagged->content : whole).as_array();
  if (parts == nullptr || parts->size() != 4) return bad_form("a COSE_Sign1 is a list of four");
  const auto& [protected_part, unprotected_part, payload_part, signature_part] =
      std::tie((*parts)[0], (*parts)[1], (*parts)[2], (*parts)[3]);
  if (protected_part.as_bytes() == nullptr)
    return bad_form("the protected header is no byte string");
  if (unprotected_part.as_map() == nullptr) return bad_form("the unprotected header is no map");
  if (payload_part.as_bytes() == nullptr && !payload_part.is_null())
    return bad_form("the payload is neither a byte string nor nil");
  if (signature_part.as_bytes() == nullptr) return bad_form("the signature is no byte string");

  UntrustedSign1 message{};
  message.protected_bytes = *protected_part.as_bytes();
  TRY(message.protected_header, parse_protected(message.protected_bytes));
  message.unprotected_header = *unprotected_part.as_map();
  if (payload_part.as_bytes() != nullptr) message.payload = *payload_part.as_bytes();
  message.signature = *signature_part.as_bytes();
  TRY_VOID(parse_headers(message, understood));
  return message;
}

Result<VerifiedSign1> verify_sign1(UntrustedSign1 message, const PublicKey& key,
                                   ByteView external_aad, std::optional<ByteView> detached) {
  const AlgorithmFacts& facts = facts_of(message.algorithm);
  if (facts.key != key.kind())
    return fail(refused(rules::cose_algorithm, "the algorithm does not fit the key")
                    .expected("a key of kind " + std::string(attest::to_string(facts.key)) +
                              " for " + std::string(facts.name))
                    .found(std::string(attest::to_string(key.kind()))));
  if (message.payload && detached)
    return fail(refused(rules::cose_payload, "a payload is attached and another is given"));
  if (!message.payload && !detached)
    return fail(refused(rules::cose_payload, "the payload is detached and was not given"));
  Bytes payload = detached ? to_bytes(*detached) : *message.payload;
  const Bytes covered = signed_bytes(message.protected_bytes, external_aad, payload);
  if (auto status = key.verify(facts.scheme, covered, message.signature, EcdsaForm::fixed);
      !status) {
    Error error = std::move(status).error();
    error.rule = rules::cose_signature;
    return fail(std::move(error).within("COSE_Sign1"));
  }
  return VerifiedSign1(std::move(message), std::move(payload), key);
}

Result<Bytes> sign1(const Sign1Content& content, const SigningKey& key, ByteView external_aad) {
  TRY(const Algorithm algorithm, algorithm_of(key));
  cbor::Map header = content.more_protected;
  header.emplace_back(label::algorithm, static_cast<std::int64_t>(algorithm));
  if (content.content_type) header.emplace_back(label::content_type, *content.content_type);
  header.emplace_back(label::key_id, key.public_key().thumbprint());
  if (cbor::Map claims = encode_claims(content.claims); !claims.empty())
    header.emplace_back(label::cwt_claims, std::move(claims));
  const Bytes protected_bytes = cbor::encode(header);
  TRY(Bytes signature, key.sign(signed_bytes(protected_bytes, external_aad, content.payload)));
  const cbor::Value payload =
      content.detached ? cbor::Value(nullptr) : cbor::Value(content.payload);
  Bytes message = cbor::encode(cbor::Value::tagged(
      sign1_tag, cbor::Array{protected_bytes, content.unprotected, payload, std::move(signature)}));
  // What is written can be read: a caller's own headers could have made it malformed.
  TRY_VOID(parse_sign1(message, critical_of(content.more_protected)));
  return message;
}

}  // namespace attest::cose
