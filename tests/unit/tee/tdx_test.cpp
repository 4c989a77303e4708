#include "libattest/tee/tdx_verification.h"
#include "tests/support/catch.h"
#include "tests/support/made_tdx.h"

namespace attest::tee {
namespace {

const Time now = from_unix(1'799'000'000);  // 2027-01-03

const test::MadeTdx& platform() {
  static const test::MadeTdx made;
  return made;
}

TdxRules rules_for(const test::MadeTdx& made) {
  return {.at = now, .roots = {made.root.certificate()}, .crls = made.crls(now)};
}

Result<VerifiedTdxQuote> verify(const Bytes& quote) {
  return verify_tdx_quote(quote, rules_for(platform()));
}

// quote_with makes a quote in which one part is given and the others are genuine.
struct Parts {
  std::optional<Bytes> to_sign = {};
  std::optional<Bytes> signature = {};
  std::optional<Bytes> report = {};
  std::optional<Bytes> report_signature = {};
  std::optional<std::string> chain = {};
};
Bytes quote_with(const Parts& parts) {
  const test::MadeTdx& made = platform();
  const Bytes body = parts.to_sign.value_or(made.signed_bytes());
  const Bytes report = parts.report.value_or(made.qe_report());
  return made.quote_of(body, parts.signature.value_or(made.attestation_key.sign(body)), report,
                       parts.report_signature.value_or(made.pck.sign(report)),
                       parts.chain.value_or(made.chain_pem()));
}

TEST_CASE("quotes of version 4, and of version 5 with both bodies, are verified") {
  test::MadeTdx made;
  for (const auto& [version, td_1_5] :
       {std::pair(4, false), std::pair(5, false), std::pair(5, true)}) {
    made.version = static_cast<std::uint16_t>(version);
    made.td_1_5 = td_1_5;
    const VerifiedTdxQuote quote = must(verify_tdx_quote(made.quote(), rules_for(made)));
    REQUIRE(quote->version == version);
    REQUIRE(quote->body.mrservicetd.has_value() == td_1_5);
    REQUIRE(equal(quote->body.report_data, made.report_data));
    REQUIRE(to_hex(quote.platform().fmspc) == "50806f000000");
    REQUIRE(quote.platform().pce_svn == 11);
    REQUIRE(quote.platform().components[15] == 5);
    REQUIRE_FALSE(quote->body.debug());
  }
}

TEST_CASE("a quote whose body was changed is refused") {
  Bytes body = platform().signed_bytes();
  const Bytes signature = platform().attestation_key.sign(body);
  body[48 + 136] ^= std::byte{1};
  REQUIRE_RULE(verify(quote_with({.to_sign = body, .signature = signature})), rules::tdx_signature);
}

TEST_CASE("a key that the quoting enclave does not vouch for is refused") {
  Bytes report = platform().qe_report();
  report[320] ^= std::byte{1};
  REQUIRE_RULE(verify(quote_with({.report = report})), rules::tdx_qe_binding);
  report = platform().qe_report();
  report[383] = std::byte{1};
  REQUIRE_RULE(verify(quote_with({.report = report})), rules::tdx_qe_binding);
}

TEST_CASE("a QE report that the PCK did not sign is refused") {
  const Bytes report = platform().qe_report();
  REQUIRE_RULE(verify(quote_with({.report_signature = platform().attestation_key.sign(report)})),
               rules::tdx_qe_signature);
}

TEST_CASE("no other certificate of Intel's stands for a PCK") {
  const Bytes report = platform().qe_report();
  const std::string chain =
      platform().tcb_signing.certificate().to_pem() + platform().root.certificate().to_pem();
  REQUIRE_RULE(
      verify(quote_with({.report_signature = platform().tcb_signing.sign(report), .chain = chain})),
      rules::tdx_pck_role);
  const auto bare = platform().platform_ca.issue({.common_name = "Intel SGX PCK Certificate"});
  REQUIRE_RULE(verify(quote_with({.report_signature = bare.sign(report),
                                  .chain = bare.certificate().to_pem() +
                                           platform().platform_ca.certificate().to_pem()})),
               rules::pck_certificate);
}

TEST_CASE("a chain to another root is refused, though the quote brings that root") {
  const test::MadeTdx other;
  TdxRules rules = rules_for(platform());
  rules.crls = other.crls(now);
  const auto result = verify_tdx_quote(other.quote(), rules);
  REQUIRE_FALSE(result);
  REQUIRE(result.error().kind == ErrorKind::refused);
}

TEST_CASE("a revoked PCK is refused, a missing CRL is incomplete") {
  TdxRules rules = rules_for(platform());
  rules.crls = platform().crls(now, {platform().pck.certificate()});
  REQUIRE_RULE(verify_tdx_quote(platform().quote(), rules), rules::chain_revoked);
  rules.crls.clear();
  const auto result = verify_tdx_quote(platform().quote(), rules);
  REQUIRE_RULE(result, rules::chain_crl);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

TEST_CASE("the form of a quote is strict") {
  const Bytes quote = platform().quote();
  const auto with = [&](std::size_t at, unsigned value) {
    Bytes other = quote;
    other[at] = static_cast<std::byte>(value);
    return parse_tdx_quote(other);
  };
  REQUIRE_OK(parse_tdx_quote(quote));
  REQUIRE_RULE(with(0, 3), rules::tdx_version);
  REQUIRE_RULE(with(2, 3), rules::tdx_type);
  REQUIRE_RULE(with(4, 0), rules::tdx_type);
  REQUIRE_RULE(with(635, 0xff), rules::tdx_length);
  REQUIRE_RULE(with(764, 5), rules::tdx_certification);  // the QE report's data
  REQUIRE_RULE(parse_tdx_quote(concat({quote, Bytes(3)})), rules::bytes_trailing);
  REQUIRE(must(parse_tdx_quote(concat({quote, Bytes(3)}), TrailingBytes::count)).trailing == 3);
  for (std::size_t size = 0; size < quote.size(); size += 97)
    REQUIRE_FALSE(parse_tdx_quote(ByteView(quote).first(size)));
}

TEST_CASE("a quote of version 5 says its body's type and size truly") {
  test::MadeTdx made;
  made.version = 5;
  made.td_1_5 = true;
  const Bytes quote = made.quote();
  for (const auto& [at, value] : {std::pair(48, 1), std::pair(48, 2), std::pair(50, 0x48)}) {
    Bytes other = quote;
    other[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
    REQUIRE_RULE(parse_tdx_quote(other), rules::tdx_body);
  }
}

TEST_CASE("a PCK certificate's extension says each thing once") {
  const auto pck_with = [](Bytes extension) {
    return read_pck_certificate(
        platform()
            .platform_ca
            .issue({.common_name = "Intel SGX PCK Certificate",
                    .extensions = {{"1.2.840.113741.1.13.1", std::move(extension)}}})
            .certificate());
  };
  const Bytes whole = test::pck_extension(5, 11).begin()->second;
  REQUIRE_OK(pck_with(whole));
  const Bytes fmspc =
      test::sgx_member(".4", der_element(der_tag::octet_string, must(from_hex("000000000000"))));
  const ByteView members = ByteView(whole).subspan(4);
  REQUIRE_RULE(pck_with(der_element(der_tag::sequence, concat({members, fmspc}))),
               rules::pck_certificate);
  REQUIRE_RULE(pck_with(der_element(der_tag::sequence, fmspc)), rules::pck_certificate);
  REQUIRE_FALSE(pck_with(concat({whole, Bytes(1)})));
}

}  // namespace
}  // namespace attest::tee
