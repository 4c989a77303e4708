#include "libattest/evidence/enrolment.h"

#include "libattest/base/cbor.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::evidence;

namespace {

EnrolBegin good_begin() {
  return {"rack7-n03", {to_bytes("leaf"), to_bytes("issuer")}, to_bytes("ek"), to_bytes("ak")};
}

cbor::Map begin_map() {
  return {{"version", 1},
          {"node", "rack7-n03"},
          {"ek_certificates", cbor::Array{to_bytes("leaf")}},
          {"ek_public", to_bytes("ek")},
          {"ak_public", to_bytes("ak")}};
}

}  // namespace

TEST_CASE("enrolment messages are read back as they were written") {
  const EnrolBegin begin = must(parse_enrol_begin(encode(good_begin())));
  REQUIRE(begin.node == "rack7-n03");
  REQUIRE(begin.ek_certificates == good_begin().ek_certificates);
  REQUIRE(begin.ek_public == to_bytes("ek"));
  REQUIRE(begin.ak_public == to_bytes("ak"));

  EnrolSession session;
  session.fill(std::byte{3});
  const auto challenge =
      must(parse_enrol_challenge(encode(EnrolChallenge{session, to_bytes("b"), to_bytes("s")})));
  REQUIRE(challenge.session == session);
  REQUIRE(challenge.credential_blob == to_bytes("b"));
  REQUIRE(challenge.encrypted_secret == to_bytes("s"));

  const auto complete = must(parse_enrol_complete(encode(EnrolComplete{session, to_bytes("x")})));
  REQUIRE(complete.session == session);
  REQUIRE(complete.secret == to_bytes("x"));

  const auto result =
      must(parse_enrol_result(encode(EnrolResult{"rack7-n03", to_bytes("name"), "enrolled"})));
  REQUIRE(result.node == "rack7-n03");
  REQUIRE(result.ak_name == to_bytes("name"));
  REQUIRE(result.state == "enrolled");
}

TEST_CASE("an enrolment of another version is refused") {
  cbor::Map map = begin_map();
  map[0].second = 2;
  REQUIRE_RULE(parse_enrol_begin(cbor::encode(map)), rules::enrolment_version);
}

TEST_CASE("an enrolment with a member missing, unknown or of another type is refused") {
  for (std::size_t i = 1; i < begin_map().size(); ++i) {
    cbor::Map map = begin_map();
    map.erase(map.begin() + static_cast<long>(i));
    INFO(i);
    REQUIRE_RULE(parse_enrol_begin(cbor::encode(map)), rules::enrolment_form);
    map = begin_map();
    map[i].second = true;
    REQUIRE_RULE(parse_enrol_begin(cbor::encode(map)), rules::enrolment_form);
  }
  cbor::Map map = begin_map();
  map.emplace_back("extra", 1);
  REQUIRE_RULE(parse_enrol_begin(cbor::encode(map)), rules::enrolment_form);
  map = begin_map();
  map[1].second = "no node id";
  REQUIRE_RULE(parse_enrol_begin(cbor::encode(map)), rules::enrolment_form);
  REQUIRE_RULE(parse_enrol_begin(to_bytes("not CBOR")), rules::enrolment_form);
}

TEST_CASE("an enrolment with empty or oversized structures is refused") {
  EnrolBegin begin = good_begin();
  begin.ek_public = Bytes(enrol_structure_size_limit + 1);
  REQUIRE_RULE(parse_enrol_begin(encode(begin)), rules::enrolment_size);
  begin = good_begin();
  begin.ak_public.clear();
  REQUIRE_RULE(parse_enrol_begin(encode(begin)), rules::enrolment_size);
  begin = good_begin();
  begin.ek_certificates.assign(enrol_certificates_limit + 1, to_bytes("c"));
  REQUIRE_RULE(parse_enrol_begin(encode(begin)), rules::enrolment_size);
  begin = good_begin();
  begin.ek_certificates.push_back(Bytes(enrol_certificate_size_limit + 1));
  REQUIRE_RULE(parse_enrol_begin(encode(begin)), rules::enrolment_size);
  REQUIRE_RULE(parse_enrol_complete(encode(EnrolComplete{{}, Bytes(65)})), rules::enrolment_size);
}

TEST_CASE("a session is 16 bytes") {
  REQUIRE_RULE(
      parse_enrol_complete(cbor::encode(cbor::Map{{"session", Bytes(15)}, {"secret", Bytes(1)}})),
      rules::enrolment_form);
}
