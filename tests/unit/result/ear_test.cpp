#include "libattest/result/ear.h"

#include "libattest/base/cbor.h"
#include "libattest/base/json.h"
#include "libattest/result/ear_claims.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::result;

namespace {

Ear full_ear() {
  Ear ear;
  ear.issued_at = from_unix(1'800'000'000);
  ear.expires = from_unix(1'800'000'900);
  ear.nonce = Bytes(32, std::byte{1});
  ear.verifier_id = {"attest 0.1", "example"};
  ear.issuer = "verifier.example";
  ear.subject = "rack7-n03";
  ear.id = std::string(64, 'a');
  ear.runtime_key = sha256(as_bytes("key"));
  ear.executable = sha256(as_bytes("exe"));
  Submod boot;
  boot.vector.set(TrustClaim::executables, 2);
  boot.vector.set(TrustClaim::configuration, -3);
  boot.status = Tier::affirming;
  boot.policy_id = "sha256:" + std::string(64, 'b');
  boot.trust_level = TrustLevel::tpm_measured;
  ear.submods["boot"] = boot;
  ear.checks = {{"boot.pcr.4", Verdict::pass, "e", "f", "PCR 4 equals reference 54"}};
  ear.not_checked = {"ima"};
  ear.reference_values = {54, 88};
  ear.verdict = Verdict::pass;
  return ear;
}

void require_equal(const Ear& a, const Ear& b) {
  REQUIRE(a.profile == b.profile);
  REQUIRE(a.issued_at == b.issued_at);
  REQUIRE(a.expires == b.expires);
  REQUIRE(a.nonce == b.nonce);
  REQUIRE(a.verifier_id.build == b.verifier_id.build);
  REQUIRE(a.verifier_id.developer == b.verifier_id.developer);
  REQUIRE(a.issuer == b.issuer);
  REQUIRE(a.subject == b.subject);
  REQUIRE(a.id == b.id);
  REQUIRE(a.runtime_key == b.runtime_key);
  REQUIRE(a.executable == b.executable);
  REQUIRE(a.submods.size() == b.submods.size());
  const Submod& x = a.submods.at("boot");
  const Submod& y = b.submods.at("boot");
  REQUIRE(x.status == y.status);
  REQUIRE(x.vector == y.vector);
  REQUIRE(x.policy_id == y.policy_id);
  REQUIRE(x.trust_level == y.trust_level);
  REQUIRE(a.checks == b.checks);
  REQUIRE(a.not_checked == b.not_checked);
  REQUIRE(a.reference_values == b.reference_values);
  REQUIRE(a.verdict == b.verdict);
  REQUIRE(a.other_claims.empty());
  REQUIRE(b.other_claims.empty());
}

// parse_changed reads the full claims after a change to their JSON.
template <typename Change>
Result<Ear> parse_changed(Change change) {
  Json claims = must(parse_json(to_json(full_ear())));
  change(claims);
  return parse_ear_json(to_line(claims));
}

template <typename Change>
Result<Ear> parse_changed_cbor(Change change) {
  cbor::Map map = *must(cbor::decode(must(to_cbor(full_ear())))).as_map();
  change(map);
  return parse_ear_cbor(cbor::encode(map));
}

}  // namespace

TEST_CASE("trust values fall into the tiers of AR4SI") {
  for (int value = -128; value <= 127; ++value) {
    const Tier tier = tier_of(static_cast<std::int8_t>(value));
    INFO(value);
    if (value >= -1 && value <= 1)
      REQUIRE(tier == Tier::none);
    else if (value >= -32 && value <= 31)
      REQUIRE(tier == Tier::affirming);
    else if (value >= -96 && value <= 95)
      REQUIRE(tier == Tier::warning);
    else
      REQUIRE(tier == Tier::contraindicated);
  }
}

TEST_CASE("a vector's tier is its worst claim's") {
  TrustVector vector;
  REQUIRE(vector.tier() == Tier::none);
  vector.set(TrustClaim::hardware, 2);
  REQUIRE(vector.tier() == Tier::affirming);
  vector.set(TrustClaim::executables, 96);
  vector.set(TrustClaim::sourced_data, 0);
  REQUIRE(vector.tier() == Tier::contraindicated);
}

TEST_CASE("an EAR is read back as it was written, as JSON and as CBOR") {
  require_equal(must(parse_ear_json(to_json(full_ear()))), full_ear());
  require_equal(must(parse_ear_cbor(must(to_cbor(full_ear())))), full_ear());
}

TEST_CASE("a mandatory claim that is missing or of another type is refused") {
  for (const char* name : {"eat_profile", "iat", "ear.verifier-id", "submods"}) {
    INFO(name);
    REQUIRE_RULE(parse_changed([&](Json& c) { c.erase(name); }), rules::ear_form);
    REQUIRE_RULE(parse_changed([&](Json& c) { c[name] = nullptr; }), rules::ear_form);
  }
  REQUIRE_RULE(parse_changed([](Json& c) { c["submods"] = Json::object(); }), rules::ear_form);
  REQUIRE_RULE(parse_changed([](Json& c) { c["submods"]["boot"].erase("ear.status"); }),
               rules::ear_form);
  REQUIRE_RULE(parse_changed([](Json& c) { c["submods"]["boot"]["ear.status"] = "fine"; }),
               rules::ear_form);
  REQUIRE_RULE(parse_changed([](Json& c) { c["iat"] = 253402300800; }), rules::ear_form);
  REQUIRE_RULE(parse_changed([](Json& c) { c["iat"] = -1; }), rules::ear_form);
  REQUIRE_RULE(parse_ear_json("{"), rules::ear_form);
  REQUIRE_RULE(parse_ear_cbor(to_bytes("{")), rules::ear_form);
}

TEST_CASE("a trust value out of range, or of an unknown claim, is refused") {
  const auto with = [](const char* claim, Json value) {
    return parse_changed(
        [&](Json& c) { c["submods"]["boot"]["ear.trustworthiness-vector"][claim] = value; });
  };
  REQUIRE_RULE(with("executables", 128), rules::ear_value);
  REQUIRE_RULE(with("executables", -129), rules::ear_value);
  REQUIRE_RULE(with("executables", "2"), rules::ear_value);
  REQUIRE_RULE(with("luck", 2), rules::ear_form);
}

TEST_CASE("a status better than its vector is refused, a worse one is not") {
  const auto with = [](const char* status, int executables) {
    return parse_changed([&](Json& c) {
      c.erase("attest.verdict");
      c["attest.verdict"] = "refused";
      c["submods"]["boot"]["ear.status"] = status;
      c["submods"]["boot"]["ear.trustworthiness-vector"]["executables"] = executables;
    });
  };
  REQUIRE_RULE(with("affirming", 32), rules::ear_status);
  REQUIRE_RULE(with("warning", 96), rules::ear_status);
  REQUIRE_RULE(with("none", 96), rules::ear_status);
  REQUIRE_OK(with("contraindicated", 2));
  REQUIRE_OK(with("none", 2));
}

TEST_CASE("our own profile asks for more") {
  for (const char* name : {"exp", "eat_nonce", "iss", "sub", "jti", "attest.verdict"}) {
    INFO(name);
    REQUIRE_RULE(parse_changed([&](Json& c) { c.erase(name); }), rules::ear_own_profile);
    REQUIRE_OK(parse_changed([&](Json& c) {
      c.erase(name);
      c["eat_profile"] = "tag:other.example,2026:profile";
    }));
  }
  REQUIRE_RULE(parse_changed([](Json& c) { c["exp"] = c["iat"]; }), rules::ear_own_profile);
  REQUIRE_RULE(parse_changed([](Json& c) { c["eat_nonce"] = "AAAA"; }), rules::ear_own_profile);
}

TEST_CASE("a verdict of pass beside a check that did not pass is refused") {
  for (const char* outcome : {"refused", "incomplete"})
    REQUIRE_RULE(parse_changed([&](Json& c) { c["attest.checks"][0]["outcome"] = outcome; }),
                 rules::ear_verdict);
  REQUIRE_RULE(
      parse_changed([](Json& c) { c["submods"]["boot"]["ear.status"] = "contraindicated"; }),
      rules::ear_verdict);
}

TEST_CASE("claims that are not known are kept by name") {
  const Ear ear = must(parse_changed([](Json& c) {
    c["org.example.claim"] = {{"a", 1}};
    c["submods"]["boot"]["ear.veraison.annotated-evidence"] = 1;
  }));
  REQUIRE(ear.other_claims == std::vector<std::string>{"org.example.claim"});
  REQUIRE(ear.submods.at("boot").other_claims ==
          std::vector<std::string>{"ear.veraison.annotated-evidence"});
}

TEST_CASE("a claim of a CWT stands under its number, once") {
  REQUIRE_RULE(parse_changed_cbor([](cbor::Map& map) { map.emplace_back("iss", "other"); }),
               rules::ear_form);
  const Ear ear = must(parse_changed_cbor([](cbor::Map& map) { map.emplace_back(-7000, "x"); }));
  REQUIRE(ear.other_claims == std::vector<std::string>{"#-7000"});
}
