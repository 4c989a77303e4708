#include "libattest/crypto/certificate.h"
#include "libattest/crypto/der.h"
#include "tests/support/catch.h"
#include "tests/support/test_ca.h"

namespace attest {

using test::CertificateSpec;
using test::Certified;

namespace {

const Time now = must(parse_time("2026-11-21"));
const Time later = now + Seconds(86'400);
constexpr const char* server_auth = "1.3.6.1.5.5.7.3.1";
constexpr const char* client_auth = "1.3.6.1.5.5.7.3.2";
constexpr const char* unknown_oid = "1.3.6.1.4.1.55555.1";

struct Chain {
  Certified root = Certified::root({.common_name = "root"});
  Certified intermediate = root.issue({.common_name = "intermediate", .is_ca = true});
  Certified leaf = intermediate.issue({.common_name = "leaf", .eku = {server_auth}});
};

ChainRules at_now() {
  ChainRules rules;
  rules.at = now;
  return rules;
}

Result<VerifiedChain> verify(const Chain& chain, const Certificate& leaf,
                             const ChainRules& chain_rules) {
  return verify_chain(leaf, {chain.intermediate.certificate()}, {chain.root.certificate()},
                      chain_rules);
}

bool is_incomplete(const Result<VerifiedChain>& result) {
  return !result && result.error().kind == ErrorKind::incomplete;
}

}  // namespace

TEST_CASE("a good chain is verified, leaf first, root last") {
  const Chain chain;
  const VerifiedChain verified = must(verify(chain, chain.leaf.certificate(), at_now()));
  REQUIRE(verified.certificates().size() == 3);
  CHECK(verified.leaf().fingerprint() == chain.leaf.certificate().fingerprint());
  CHECK(verified.root().fingerprint() == chain.root.certificate().fingerprint());
}

TEST_CASE("an expired certificate is incomplete, and so is one that is not valid yet") {
  const Chain chain;
  const Certified expired = chain.intermediate.issue({.common_name = "leaf", .not_after = now});
  const auto too_late = verify(chain, expired.certificate(), ChainRules{.at = later});
  REQUIRE_RULE(too_late, rules::chain_time);
  CHECK(is_incomplete(too_late));
  const Certified young = chain.intermediate.issue({.common_name = "leaf", .not_before = later});
  REQUIRE_RULE(verify(chain, young.certificate(), at_now()), rules::chain_time);
}

TEST_CASE("a missing issuer is incomplete") {
  const Chain chain;
  const auto result =
      verify_chain(chain.leaf.certificate(), {}, {chain.root.certificate()}, at_now());
  REQUIRE_RULE(result, rules::chain_no_issuer);
  CHECK(is_incomplete(result));
}

TEST_CASE("a chain to a root that is not trusted is refused") {
  const Chain chain;
  const Chain other;
  const auto result = verify_chain(
      chain.leaf.certificate(), {chain.intermediate.certificate(), chain.root.certificate()},
      {Certified::root({.common_name = "another root"}).certificate()}, at_now());
  REQUIRE_RULE(result, rules::chain_untrusted_root);
}

TEST_CASE("a forged certificate is refused, even where it is expired besides") {
  const Chain chain;
  const Chain namesake;  // the same names, other keys
  const Certified forged = namesake.intermediate.issue({.common_name = "leaf"});
  REQUIRE_RULE(verify(chain, forged.certificate(), at_now()), rules::chain_signature);
  const Certified expired = namesake.intermediate.issue({.common_name = "leaf", .not_after = now});
  REQUIRE_RULE(verify(chain, expired.certificate(), ChainRules{.at = later}),
               rules::chain_signature);
}

TEST_CASE("a leaf that is no CA issues nothing") {
  const Chain chain;
  const Certified below = chain.leaf.issue({.common_name = "below"});
  const auto result = verify_chain(below.certificate(),
                                   {chain.leaf.certificate(), chain.intermediate.certificate()},
                                   {chain.root.certificate()}, at_now());
  REQUIRE_RULE(result, rules::chain_invalid);
}

TEST_CASE("a path length is kept") {
  const Certified root = Certified::root({.common_name = "root", .path_length = 0});
  const Certified middle = root.issue({.common_name = "middle", .is_ca = true});
  const Certified leaf = middle.issue({.common_name = "leaf"});
  REQUIRE_RULE(
      verify_chain(leaf.certificate(), {middle.certificate()}, {root.certificate()}, at_now()),
      rules::chain_invalid);
}

TEST_CASE("a chain longer than asked for is refused") {
  const Chain chain;
  ChainRules chain_rules = at_now();
  chain_rules.max_length = 3;
  REQUIRE_OK(verify(chain, chain.leaf.certificate(), chain_rules));
  chain_rules.max_length = 2;
  REQUIRE_FALSE(verify(chain, chain.leaf.certificate(), chain_rules));
}

TEST_CASE("the leaf is for the use that is asked") {
  const Chain chain;
  ChainRules chain_rules = at_now();
  chain_rules.required_eku = server_auth;
  REQUIRE_OK(verify(chain, chain.leaf.certificate(), chain_rules));
  chain_rules.required_eku = client_auth;
  REQUIRE_RULE(verify(chain, chain.leaf.certificate(), chain_rules), rules::chain_eku);
}

TEST_CASE("an authority's certificate is no leaf, unless that was asked") {
  const Chain chain;
  ChainRules chain_rules = at_now();
  REQUIRE_RULE(verify(chain, chain.intermediate.certificate(), chain_rules),
               rules::chain_leaf_is_ca);
  chain_rules.leaf_may_be_ca = true;
  REQUIRE_OK(verify(chain, chain.intermediate.certificate(), chain_rules));
}

TEST_CASE("an unknown critical extension is refused, unless the caller handles it in the leaf") {
  const Chain chain;
  const Certified leaf =
      chain.intermediate.issue({.common_name = "leaf", .critical_extension = unknown_oid});
  ChainRules chain_rules = at_now();
  REQUIRE_RULE(verify(chain, leaf.certificate(), chain_rules), rules::chain_critical);
  chain_rules.handled_critical = {"1.2.3"};
  REQUIRE_RULE(verify(chain, leaf.certificate(), chain_rules), rules::chain_critical);
  chain_rules.handled_critical = {unknown_oid};
  REQUIRE_OK(verify(chain, leaf.certificate(), chain_rules));
  REQUIRE(leaf.certificate().extension(unknown_oid) == Bytes{std::byte{5}, std::byte{0}});

  const Certified middle =
      chain.root.issue({.common_name = "middle", .is_ca = true, .critical_extension = unknown_oid});
  const Certified below = middle.issue({.common_name = "leaf"});
  REQUIRE_RULE(verify_chain(below.certificate(), {middle.certificate()}, {chain.root.certificate()},
                            chain_rules),
               rules::chain_critical);
}

TEST_CASE("a certificate signed with SHA-1 is refused, unless that was asked") {
  const Chain chain;
  const Certified leaf = chain.intermediate.issue({.common_name = "leaf", .digest = "SHA1"});
  ChainRules chain_rules = at_now();
  REQUIRE_RULE(verify(chain, leaf.certificate(), chain_rules), rules::chain_weak);
  chain_rules.allow_sha1 = true;
  REQUIRE_OK(verify(chain, leaf.certificate(), chain_rules));
}

TEST_CASE("a revoked certificate is refused, also by a CRL that has expired") {
  const Chain chain;
  const Certificate& leaf = chain.leaf.certificate();
  ChainRules chain_rules = at_now();
  chain_rules.crls = {chain.intermediate.crl({leaf}, now - Seconds(60), later)};
  REQUIRE_RULE(verify(chain, leaf, chain_rules), rules::chain_revoked);
  chain_rules.crls = {chain.intermediate.crl({leaf}, now - Seconds(600), now - Seconds(60))};
  REQUIRE_RULE(verify(chain, leaf, chain_rules), rules::chain_revoked);
}

TEST_CASE("a CRL that is missing or expired is incomplete, and one that is forged is refused") {
  const Chain chain;
  const Certificate& leaf = chain.leaf.certificate();
  const Bytes root_crl = chain.root.crl({}, now - Seconds(60), later);
  const Bytes good = chain.intermediate.crl({}, now - Seconds(60), later);
  ChainRules chain_rules = at_now();
  chain_rules.require_crl = true;
  chain_rules.crls = {root_crl, good};
  REQUIRE_OK(verify(chain, leaf, chain_rules));

  chain_rules.crls = {root_crl};
  const auto missing = verify(chain, leaf, chain_rules);
  REQUIRE_RULE(missing, rules::chain_crl);
  CHECK(is_incomplete(missing));
  chain_rules.require_crl = false;
  REQUIRE_OK(verify(chain, leaf, chain_rules));

  chain_rules.crls = {chain.intermediate.crl({}, now - Seconds(600), now - Seconds(60))};
  const auto expired = verify(chain, leaf, chain_rules);
  REQUIRE_RULE(expired, rules::chain_crl);
  CHECK(is_incomplete(expired));

  const Chain namesake;
  chain_rules.crls = {namesake.intermediate.crl({}, now - Seconds(60), later)};
  const auto forged = verify(chain, leaf, chain_rules);
  REQUIRE_RULE(forged, rules::chain_crl);
  CHECK(forged.error().kind == ErrorKind::refused);
}

TEST_CASE("certificates are read in DER and PEM, one or several, with nothing behind") {
  const Chain chain;
  const Certificate& leaf = chain.leaf.certificate();
  CHECK(must(Certificate::from_pem(leaf.to_pem())).der() == leaf.der());
  const std::string both = leaf.to_pem() + chain.root.certificate().to_pem();
  CHECK(must(Certificate::from_der_or_pem(as_bytes(both))).size() == 2);
  CHECK(must(Certificate::from_der_or_pem(concat({leaf.der(), chain.root.certificate().der()})))
            .size() == 2);
  const Bytes padded = concat({leaf.der(), Bytes(7)});
  REQUIRE_RULE(Certificate::from_der(padded), rules::certificate_form);
  CHECK(must(Certificate::from_der(padded, true)).der() == leaf.der());
  Bytes rubbish = padded;
  rubbish.back() = std::byte{1};
  REQUIRE_RULE(Certificate::from_der(rubbish, true), rules::certificate_form);
  REQUIRE_RULE(Certificate::from_pem("nothing"), rules::certificate_form);
  REQUIRE_FALSE(Certificate::from_der(ByteView(leaf.der()).first(100)));
}

TEST_CASE("a certificate tells what it says") {
  const Chain chain;
  const Certificate& leaf = chain.leaf.certificate();
  CHECK(leaf.subject() == "CN=leaf");
  CHECK(leaf.issuer() == "CN=intermediate");
  CHECK(leaf.extended_key_usage() == std::set<std::string>{server_auth});
  CHECK_FALSE(leaf.is_ca());
  CHECK_FALSE(leaf.is_self_signed());
  CHECK(chain.root.certificate().is_self_signed());
  CHECK(chain.root.certificate().is_ca());
  CHECK(to_rfc3339(leaf.not_before()) == "2026-01-01T00:00:00Z");
  CHECK(leaf.serial_hex().size() >= 30);
}

TEST_CASE("DER has definite, shortest lengths at every level, and bounded depth") {
  for (const char* wrong : {"30800201010000", "308103020101", "3003020201", "3004020101", "30",
                            "1f0101", "3085000000000100"})
    REQUIRE_FALSE(first_der_element(must(from_hex(wrong))));
  CHECK(must(first_der_element(must(from_hex("3003020101ffff")))).size() == 5);
  Bytes deep;
  for (int level = 0; level < 65; ++level) {
    Bytes outer{std::byte{0x30}};
    if (deep.size() >= 0x80)
      outer.push_back(deep.size() > 0xff ? std::byte{0x82} : std::byte{0x81});
    if (deep.size() > 0xff) outer.push_back(static_cast<std::byte>(deep.size() >> 8));
    outer.push_back(static_cast<std::byte>(deep.size() & 0xff));
    append(outer, deep);
    deep = std::move(outer);
  }
  REQUIRE_OK(first_der_element(deep));
  deep = concat({must(from_hex("3082")), must(from_hex(deep.size() > 0xff ? "01" : "00")),
                 Bytes{static_cast<std::byte>(deep.size() & 0xff)}, deep});
  REQUIRE_FALSE(first_der_element(deep));
}

}  // namespace attest
