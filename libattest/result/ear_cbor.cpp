// A CWT's claims are a JWT's under numbers (draft-ietf-rats-ear-04 section 3, RFC 8392, RFC 9711):
// this file translates names, and the few values that have a form of their own in CBOR; the one
// reader and writer of the claims is ear_json.cpp.
#include <array>

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"
#include "libattest/result/ear_claims.h"
#include "libattest/result/ear_claims_set.h"

namespace attest::result {

namespace {

constexpr std::string_view place = "EAR";

enum class ClaimForm {
  same,       // text, numbers, lists: alike in both
  base64url,  // bytes in CBOR, base64url in JSON
  hex,        // bytes in CBOR, hexadecimal in JSON
  verifier,   // a map with numbered members
  submods,    // a map of submods
};

struct ClaimName {
  std::string_view name;
  std::int64_t label;
  ClaimForm form;
};
constexpr std::array<ClaimName, 11> claim_names{{
    {"iss", 1, ClaimForm::same},
    {"sub", 2, ClaimForm::same},
    {"exp", 4, ClaimForm::same},
    {"iat", 6, ClaimForm::same},
    {"jti", 7, ClaimForm::hex},
    {"cnf", 8, ClaimForm::same},
    {"eat_nonce", 10, ClaimForm::base64url},
    {"eat_profile", 265, ClaimForm::same},
    {"submods", 266, ClaimForm::submods},
    {"ear.raw-evidence", 1002, ClaimForm::base64url},
    {"ear.verifier-id", 1004, ClaimForm::verifier},
}};

struct MemberName {
  std::string_view name;
  std::int64_t label;
};
constexpr std::array<MemberName, 2> verifier_names{{{"developer", 0}, {"build", 1}}};
constexpr std::array<MemberName, 3> submod_names{{{"ear.status", 1000},
                                                  {"ear.trustworthiness-vector", 1001},
                                                  {"ear.appraisal-policy-id", 1003}}};

Error form_error(std::string what) {
  return refused(rules::ear_form, std::move(what)).within(place);
}

// ---- JSON value to CBOR value. Depth is that of our own claims.
cbor::Value plain_to_cbor(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_array()) {
    cbor::Array array;
    for (const Json& element : value) array.push_back(plain_to_cbor(element));
    return array;
  }
  cbor::Map map;
  for (const auto& [name, member] : value.items()) map.emplace_back(name, plain_to_cbor(member));
  return map;
}

template <std::size_t n>
cbor::Value member_key(const std::string& name, const std::array<MemberName, n>& names) {
  for (const MemberName& known : names)
    if (known.name == name) return known.label;
  return name;
}

cbor::Value submod_to_cbor(const Submod& submod, const Json& claims) {
  cbor::Map map;
  for (const auto& [name, value] : claims.items()) {
    cbor::Value translated = plain_to_cbor(value);
    if (name == "ear.status") translated = code(submod.status);
    if (name == "ear.trustworthiness-vector") {
      cbor::Map vector;
      for (std::size_t claim = 0; claim < trust_claim_count; ++claim)
        if (const auto tier = submod.vector.get(static_cast<TrustClaim>(claim)))
          vector.emplace_back(claim, *tier);
      translated = std::move(vector);
    }
    map.emplace_back(member_key(name, submod_names), std::move(translated));
  }
  return map;
}

Result<cbor::Value> claim_to_cbor(const Ear& ear, ClaimForm form, const Json& value) {
  switch (form) {
    case ClaimForm::same:
      return plain_to_cbor(value);
    case ClaimForm::base64url: {
      TRY(Bytes bytes, from_base64url(value.get<std::string>()));
      return cbor::Value(std::move(bytes));
    }
    case ClaimForm::hex: {
      TRY(Bytes bytes, from_hex(value.get<std::string>()));
      return cbor::Value(std::move(bytes));
    }
    case ClaimForm::verifier: {
      cbor::Map map;
      for (const auto& [name, member] : value.items())
        map.emplace_back(member_key(name, verifier_names), plain_to_cbor(member));
      return cbor::Value(std::move(map));
    }
    case ClaimForm::submods: {
      cbor::Map map;
      for (const auto& [name, submod] : ear.submods)
        map.emplace_back(name, submod_to_cbor(submod, value.at(name)));
      return cbor::Value(std::move(map));
    }
  }
  return cbor::Value();
}

// ---- CBOR value to JSON value.
// Depth is bounded by the decoder's limit.
Json plain_to_json(const cbor::Value& value) {
  if (const auto* text = value.as_text()) return *text;
  if (const auto* truth = value.as_boolean()) return *truth;
  if (const auto* number = value.as_unsigned()) return *number;
  if (const auto number = value.as_integer()) return *number;
  if (const auto* array = value.as_array()) {
    Json list = Json::array();
    for (const cbor::Value& element : *array) list.push_back(plain_to_json(element));
    return list;
  }
  if (const auto* map = value.as_map()) {
    Json object = Json::object();
    for (const auto& [name, member] : *map)
      if (name.as_text()) object[*name.as_text()] = plain_to_json(member);
    return object;
  }
  return nullptr;  // what JSON has no form for belongs to claims this code does not know
}

// member_name gives the JSON name of a map key. A known claim under its JSON name as a text key
// would be the same claim twice; it is refused.
template <typename Names>
Result<std::string> member_name(const cbor::Value& key, const Names& names) {
  if (const auto label = key.as_integer()) {
    for (const auto& known : names)
      if (known.label == *label) return std::string(known.name);
    return "#" + std::to_string(*label);
  }
  const std::string* text = key.as_text();
  if (!text) return fail(form_error("a claim's key is neither a number nor text"));
  for (const auto& known : names)
    if (known.name == *text)
      return fail(
          form_error("a claim that has a number stands under its name").found("\"" + *text + "\""));
  return *text;
}

Result<Json> status_to_json(const cbor::Value& value) {
  const auto number = value.as_integer();
  for (const Tier tier : {Tier::none, Tier::affirming, Tier::warning, Tier::contraindicated})
    if (number == code(tier)) return Json(to_string(tier));
  return fail(form_error("ear.status is none of the numbers it can be"));
}

Result<Json> vector_to_json(const cbor::Value& value) {
  const cbor::Map* map = value.as_map();
  if (!map) return fail(form_error("a trustworthiness vector is not a map"));
  Json vector = Json::object();
  for (const auto& [key, member] : *map) {
    const std::uint64_t* claim = key.as_unsigned();
    if (!claim || *claim >= trust_claim_count)
      return fail(form_error("a trustworthiness vector has a claim AR4SI does not define"));
    vector[to_string(static_cast<TrustClaim>(*claim))] = plain_to_json(member);
  }
  return vector;
}

Result<Json> submod_to_json(const cbor::Value& value) {
  const cbor::Map* map = value.as_map();
  if (!map) return fail(form_error("a submod is not a map"));
  Json submod = Json::object();
  for (const auto& [key, member] : *map) {
    TRY(const std::string name, member_name(key, submod_names));
    if (name == "ear.status") {
      TRY(submod[name], status_to_json(member));
    } else if (name == "ear.trustworthiness-vector") {
      TRY(submod[name], vector_to_json(member));
    } else {
      submod[name] = plain_to_json(member);
    }
  }
  return submod;
}

Result<Json> submods_to_json(const cbor::Value& value) {
  const cbor::Map* map = value.as_map();
  if (!map) return fail(form_error("submods is not a map"));
  Json submods = Json::object();
  for (const auto& [key, member] : *map) {
    if (!key.as_text()) return fail(form_error("a submod's name is not text"));
    TRY(submods[*key.as_text()], submod_to_json(member));
  }
  return submods;
}

Result<Json> verifier_to_json(const cbor::Value& value) {
  const cbor::Map* map = value.as_map();
  if (!map) return fail(form_error("ear.verifier-id is not a map"));
  Json verifier = Json::object();
  for (const auto& [key, member] : *map) {
    TRY(const std::string name, member_name(key, verifier_names));
    verifier[name] = plain_to_json(member);
  }
  return verifier;
}

Result<Json> claim_to_json(ClaimForm form, const cbor::Value& value) {
  const Bytes* bytes = value.as_bytes();
  switch (form) {
    case ClaimForm::same:
      return plain_to_json(value);
    case ClaimForm::base64url:
      if (!bytes) return fail(form_error("a claim is not a byte string"));
      return Json(to_base64url(*bytes));
    case ClaimForm::hex:
      if (!bytes) return fail(form_error("a claim is not a byte string"));
      return Json(to_hex(*bytes));
    case ClaimForm::verifier:
      return verifier_to_json(value);
    case ClaimForm::submods:
      return submods_to_json(value);
  }
  return Json();
}

ClaimForm form_of(std::string_view name) {
  for (const ClaimName& known : claim_names)
    if (known.name == name) return known.form;
  return ClaimForm::same;
}

Result<Json> claims_to_json(const cbor::Map& map) {
  Json claims = Json::object();
  for (const auto& [key, value] : map) {
    TRY(const std::string name, member_name(key, claim_names));
    TRY(claims[name], claim_to_json(form_of(name), value));
  }
  return claims;
}

}  // namespace

Result<Bytes> to_cbor(const Ear& ear) {
  cbor::Map map;
  const Json claims = claims_of(ear);
  for (const auto& [name, value] : claims.items()) {
    cbor::Value key = name;
    for (const ClaimName& known : claim_names)
      if (known.name == name) key = known.label;
    TRY(cbor::Value translated, claim_to_cbor(ear, form_of(name), value));
    map.emplace_back(std::move(key), std::move(translated));
  }
  return cbor::encode(map);
}

Result<Ear> parse_ear_cbor(ByteView bytes) {
  if (bytes.size() > ear_size_limit) return fail(form_error("the claims are too large"));
  auto value = cbor::decode(bytes, cbor::Form::deterministic, cbor::Limits{16, 1U << 16});
  if (!value) {
    Error error = std::move(value).error();
    error.rule = rules::ear_form;
    return fail(std::move(error).within(place));
  }
  const cbor::Map* map = value->as_map();
  if (!map) return fail(form_error("the claims are not a map"));
  TRY(const Json claims, claims_to_json(*map));
  return read_claims(claims);
}

}  // namespace attest::result
