#include "libattest/reference/corim.h"

#include "libattest/reference/corim_profiles.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::reference;

namespace {

const cbor::Value uuid = cbor::Value::tagged(37, Bytes(16));
const cbor::Value key = cbor::Value::tagged(554, "key");

// Array{Array{…}} is a copy to clang 19 and an array in an array to GCC (CWG 2137).
cbor::Array array_of(cbor::Value element) {
  return {std::move(element)};
}

cbor::Value measurement(cbor::Map values = {{2, array_of(cbor::Array{1, Bytes(32)})}}) {
  return cbor::Map{{1, std::move(values)}};
}
cbor::Map comid(cbor::Map triples) {
  return {{1, cbor::Map{{0, "comid"}}}, {4, std::move(triples)}};
}
cbor::Map reference_map(cbor::Value environment, cbor::Value measured) {
  return comid(
      {{0, array_of(cbor::Array{std::move(environment), cbor::Array{std::move(measured)}})}});
}
cbor::Map keys(cbor::Value environment, cbor::Array list) {
  return comid({{3, array_of(cbor::Array{std::move(environment), std::move(list)})}});
}
Bytes corim(const cbor::Map& comid_map, std::string_view profile = "") {
  cbor::Map map{{0, "corim"}, {1, cbor::Array{cbor::Value::tagged(506, cbor::encode(comid_map))}}};
  if (!profile.empty()) map.emplace_back(3, cbor::Value::tagged(32, profile));
  return cbor::encode(cbor::Value::tagged(501, map));
}

const cbor::Value by_instance = cbor::Map{{1, uuid}};
const cbor::Value by_class = cbor::Map{{0, cbor::Map{{0, uuid}}}};

}  // namespace

TEST_CASE("a CoRIM is written as it was read") {
  cbor::Map map = reference_map(by_class, measurement({{2, array_of(cbor::Array{1, Bytes(32)})},
                                                       {11, "name"},
                                                       {1, cbor::Value::tagged(552, 3)}}));
  map.emplace_back(2, cbor::Array{cbor::Map{{0, "entity"}, {2, cbor::Array{0, 1}}, {-1, "more"}}});
  map.emplace_back(0, "en");
  const Bytes bytes = corim(map, "tag:x.example,2026:p");
  REQUIRE(encode_corim(must(parse_corim(bytes))) == bytes);
}

TEST_CASE("what lacks a mandatory part is refused") {
  REQUIRE_RULE(parse_corim(cbor::encode(cbor::Map{{1, cbor::Array{1}}})), rules::comid_form);
  REQUIRE_RULE(parse_corim(cbor::encode(cbor::Map{{0, "id"}, {1, cbor::Array{}}})),
               rules::corim_empty);
  REQUIRE_RULE(parse_corim(cbor::encode(cbor::Map{{0, 1}, {1, cbor::Array{1}}})),
               rules::corim_form);
  REQUIRE_RULE(parse_corim(to_bytes("x")), rules::corim_form);
  REQUIRE_RULE(parse_corim(Bytes(corim_size_limit + 1)), rules::corim_too_large);
  REQUIRE_RULE(parse_comid(cbor::encode(comid({}))), rules::comid_form);
  REQUIRE_RULE(parse_comid(cbor::encode(cbor::Map{{4, cbor::Map{}}})), rules::comid_form);
  const auto tag = [](std::uint64_t number) {
    return cbor::encode(
        cbor::Map{{0, "id"}, {1, cbor::Array{cbor::Value::tagged(number, Bytes(1))}}});
  };
  REQUIRE_OK(parse_corim(tag(505)));
  REQUIRE_RULE(parse_corim(tag(507)), rules::corim_form);
}

TEST_CASE("an environment that names nothing, or has a member of unknown meaning, is refused") {
  for (const cbor::Value& environment :
       {cbor::Value(cbor::Map{}), cbor::Value(cbor::Map{{0, cbor::Map{}}}),
        cbor::Value(cbor::Map{{1, uuid}, {3, 1}}), cbor::Value(cbor::Map{{0, cbor::Map{{0, 1}}}})})
    REQUIRE_RULE(parse_comid(cbor::encode(reference_map(environment, measurement()))),
                 rules::comid_environment);
}

TEST_CASE("a measurement without a value, or with a digest of another form, is refused") {
  REQUIRE_RULE(parse_comid(cbor::encode(reference_map(by_class, measurement({})))),
               rules::comid_measurement);
  for (const cbor::Value& digest : {cbor::Value(cbor::Array{1}), cbor::Value(cbor::Array{1, "x"}),
                                    cbor::Value(cbor::Array{Bytes(1), Bytes(1)}), cbor::Value(1)})
    REQUIRE_RULE(
        parse_comid(cbor::encode(reference_map(by_class, measurement({{2, cbor::Array{digest}}})))),
        rules::comid_measurement);
}

TEST_CASE("a key under another tag than those for keys is refused") {
  REQUIRE_OK(parse_comid(cbor::encode(keys(by_instance, {key}))));
  REQUIRE_RULE(parse_comid(cbor::encode(keys(by_instance, {cbor::Value::tagged(553, "k")}))),
               rules::comid_form);
  REQUIRE_RULE(parse_comid(cbor::encode(keys(by_instance, {"k"}))), rules::comid_form);
}

TEST_CASE("each rule of the enacttrust profile") {
  const auto check = [](const cbor::Map& map) {
    return check_profile(must(parse_corim(corim(map, enacttrust_profile))));
  };
  REQUIRE_OK(check(reference_map(by_instance, measurement())));
  REQUIRE_OK(check(keys(by_instance, {key})));
  REQUIRE_RULE(check(reference_map(by_class, measurement())), rules::corim_profile);
  REQUIRE_RULE(check(reference_map(cbor::Map{{1, uuid}, {2, uuid}}, measurement())),
               rules::corim_profile);
  REQUIRE_RULE(check(reference_map(cbor::Map{{1, "text"}}, measurement())), rules::corim_profile);
  REQUIRE_RULE(check(reference_map(by_instance, measurement({{6, Bytes(6)}}))),
               rules::corim_profile);
  REQUIRE_RULE(check(keys(by_instance, {key, key})), rules::corim_profile);
}

TEST_CASE("each rule of the parsec profile") {
  const auto check = [](const cbor::Map& map) {
    return check_profile(must(parse_corim(corim(map, parsec_profile))));
  };
  const auto measured = [](cbor::Value pcr) {
    return cbor::Map{{0, std::move(pcr)}, {1, cbor::Map{{2, array_of(cbor::Array{1, Bytes(32)})}}}};
  };
  const cbor::Value both = cbor::Map{{0, cbor::Map{{0, uuid}}}, {1, uuid}};
  REQUIRE_OK(check(reference_map(by_class, measured(0))));
  REQUIRE_OK(check(keys(both, {key})));
  REQUIRE_RULE(check(reference_map(by_instance, measured(0))), rules::corim_profile);
  REQUIRE_RULE(check(reference_map(by_class, measured(24))), rules::corim_profile);
  REQUIRE_RULE(check(reference_map(by_class, measurement())), rules::corim_profile);
  REQUIRE_RULE(check(reference_map(by_class, cbor::Map{{0, 0}, {1, cbor::Map{{11, "n"}}}})),
               rules::corim_profile);
  REQUIRE_RULE(check(keys(by_class, {key})), rules::corim_profile);
  REQUIRE_RULE(check(keys(both, {key, key})), rules::corim_profile);
}

TEST_CASE("an unknown profile is incomplete: it may change what values mean") {
  const auto status = check_profile(
      must(parse_corim(corim(reference_map(by_class, measurement()), "tag:x.example,2026:p"))));
  REQUIRE_RULE(status, rules::corim_profile_unknown);
  REQUIRE(status.error().kind == ErrorKind::incomplete);
}
