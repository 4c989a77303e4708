#include "libattest/tee/tdx_tcb.h"
#include "tests/support/catch.h"
#include "tests/support/made_tdx.h"

namespace attest::tee {
namespace {

const Time now = from_unix(1'799'000'000);  // 2027-01-03

const test::MadeTdx& platform() {
  static const test::MadeTdx made;
  return made;
}

CollateralRules rules_at(Time at) {
  return {.at = at,
          .roots = {platform().root.certificate()},
          .certificates = {platform().tcb_signing.certificate(), platform().pck.certificate(),
                           platform().platform_ca.certificate()}};
}

Result<VerifiedTcbInfo> tcb_info(const std::string& json, Time at = now) {
  TRY(const UntrustedTcbInfo untrusted, parse_tcb_info(json));
  return verify_tcb_info(untrusted, rules_at(at));
}
VerifiedTcbInfo info_of(const std::string& body) {
  return must(tcb_info(test::signed_json(platform().tcb_signing, "tcbInfo", body)));
}
VerifiedQeIdentity qe_of(const std::string& body) {
  return must(verify_qe_identity(
      must(parse_qe_identity(test::signed_json(platform().tcb_signing, "enclaveIdentity", body))),
      rules_at(now)));
}

VerifiedTdxQuote quote_of(const test::MadeTdx& made) {
  return must(verify_tdx_quote(
      made.quote(), {.at = now, .roots = {made.root.certificate()}, .crls = made.crls(now)}));
}
Result<TdxTcb> level(const std::string& info, const std::string& qe = test::qe_identity_body()) {
  return tdx_tcb(quote_of(platform()), info_of(info), qe_of(qe));
}

TEST_CASE("TCB info that Intel signed and that is in its time is verified") {
  const std::string json =
      test::signed_json(platform().tcb_signing, "tcbInfo", test::tcb_info_body({{}}));
  const VerifiedTcbInfo info = must(tcb_info(json));
  REQUIRE(info->levels.size() == 1);
  REQUIRE(info->evaluation_number == 15);
}

TEST_CASE("what was changed after it was signed is refused, spaces included") {
  std::string json =
      test::signed_json(platform().tcb_signing, "tcbInfo", test::tcb_info_body({{}}));
  std::string other = json;
  other.replace(other.find("UpToDate"), 8, "OutOfDate");
  REQUIRE_RULE(tcb_info(other), rules::collateral_signature);
  json.insert(json.find("\"version\""), " ");
  REQUIRE_RULE(tcb_info(json), rules::collateral_signature);
}

TEST_CASE("collateral out of its time is incomplete") {
  const std::string json =
      test::signed_json(platform().tcb_signing, "tcbInfo", test::tcb_info_body({{}}));
  for (const char* at : {"2026-11-30", "2027-02-02"}) {
    const auto result = tcb_info(json, must(parse_time(at)));
    REQUIRE_RULE(result, rules::collateral_time);
    REQUIRE(result.error().kind == ErrorKind::incomplete);
  }
}

TEST_CASE("a PCK, though it chains to the same root, signs no TCB info") {
  const auto result =
      tcb_info(test::signed_json(platform().pck, "tcbInfo", test::tcb_info_body({{}})));
  REQUIRE_RULE(result, rules::collateral_signature);
  CollateralRules rules = rules_at(now);
  rules.certificates.erase(rules.certificates.begin());
  const auto missing = verify_tcb_info(
      must(parse_tcb_info(test::signed_json(platform().pck, "tcbInfo", test::tcb_info_body({{}})))),
      rules);
  REQUIRE_RULE(missing, rules::collateral_signer);
  REQUIRE(missing.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a TCB signer of another root is refused") {
  const test::MadeTdx other;
  CollateralRules rules = rules_at(now);
  rules.certificates = {other.tcb_signing.certificate(), other.root.certificate()};
  const auto result =
      verify_tcb_info(must(parse_tcb_info(test::signed_json(other.tcb_signing, "tcbInfo",
                                                            test::tcb_info_body({{}})))),
                      rules);
  REQUIRE_FALSE(result);
  REQUIRE(result.error().kind == ErrorKind::refused);
}

TEST_CASE("a revoked TCB signer is refused") {
  CollateralRules rules = rules_at(now);
  rules.crls = platform().crls(now, {platform().tcb_signing.certificate()});
  REQUIRE_RULE(verify_tcb_info(must(parse_tcb_info(test::signed_json(
                                   platform().tcb_signing, "tcbInfo", test::tcb_info_body({{}})))),
                               rules),
               rules::chain_revoked);
}

TEST_CASE("the first level that the platform reaches is its level") {
  const TdxTcb tcb =
      must(level(test::tcb_info_body({{.sgx = 6},
                                      {.tdx = 4},
                                      {.pce = 12},
                                      {.status = "SWHardeningNeeded", .advisories = "\"A-1\""},
                                      {.status = "OutOfDate"}})));
  REQUIRE(tcb.status == TcbStatus::sw_hardening_needed);
  REQUIRE(tcb.platform == TcbStatus::sw_hardening_needed);
  REQUIRE(tcb.quoting_enclave == TcbStatus::up_to_date);
  REQUIRE(tcb.advisories == std::vector<std::string>{"A-1"});
}

TEST_CASE("a platform below every level is refused") {
  REQUIRE_RULE(level(test::tcb_info_body({{.sgx = 6}})), rules::tdx_tcb_level);
  REQUIRE_RULE(level(test::tcb_info_body({{.pce = 12}})), rules::tdx_tcb_level);
  REQUIRE_RULE(level(test::tcb_info_body({{.tdx = 4}})), rules::tdx_tcb_level);
}

TEST_CASE("TCB info of another kind of platform is incomplete") {
  const auto result = level(test::tcb_info_body({{}}, {}, "90c06f000000"));
  REQUIRE_RULE(result, rules::tdx_fmspc);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a quoting enclave of another signer, or below every level, is refused") {
  REQUIRE_RULE(
      level(test::tcb_info_body({{}}), test::qe_identity_body(4, "UpToDate", std::string(64, '0'))),
      rules::tdx_qe_identity);
  std::string body = test::qe_identity_body();
  body.replace(body.find("\"isvprodid\":2"), 13, "\"isvprodid\":1");
  REQUIRE_RULE(level(test::tcb_info_body({{}}), body), rules::tdx_qe_identity);
  body = test::qe_identity_body();
  body.replace(body.find("\"11000000"), 9, "\"10000000");
  REQUIRE_RULE(level(test::tcb_info_body({{}}), body), rules::tdx_qe_identity);
  body = test::qe_identity_body();
  body.replace(body.find("\"miscselect\":\"00"), 16, "\"miscselect\":\"01");
  REQUIRE_RULE(level(test::tcb_info_body({{}}), body), rules::tdx_qe_identity);
  REQUIRE_RULE(level(test::tcb_info_body({{}}), test::qe_identity_body(5)), rules::tdx_tcb_level);
}

TEST_CASE("the worst of platform and quoting enclave stands") {
  const auto status = [](const char* of_platform, const char* of_qe) {
    return must(level(test::tcb_info_body({{.status = of_platform}}),
                      test::qe_identity_body(4, of_qe)))
        .status;
  };
  REQUIRE(status("UpToDate", "OutOfDate") == TcbStatus::out_of_date);
  REQUIRE(status("Revoked", "UpToDate") == TcbStatus::revoked);
  REQUIRE(status("UpToDate", "Revoked") == TcbStatus::revoked);
  REQUIRE(status("ConfigurationNeeded", "OutOfDate") ==
          TcbStatus::out_of_date_configuration_needed);
}

TEST_CASE("a TDX module with an identity of its own is held to it") {
  test::MadeTdx made;
  made.module_svn = {3, 1};
  made.mrsignerseam = Bytes(48, std::byte{0x11});
  const auto module = [](std::string id, std::string signer, unsigned svn, std::string status) {
    return R"({"id":")" + id + R"(","mrsigner":")" + signer +
           R"(","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF",)"
           R"("tcbLevels":[{"tcb":{"isvsvn":)" +
           std::to_string(svn) + R"(},"tcbDate":"2026-01-01T00:00:00Z","tcbStatus":")" + status +
           "\"}]}";
  };
  const auto level_with = [&](const std::string& modules) -> Result<TdxTcb> {
    const std::string json =
        test::signed_json(made.tcb_signing, "tcbInfo", test::tcb_info_body({{.tdx = 5}}, modules));
    const std::string qe =
        test::signed_json(made.tcb_signing, "enclaveIdentity", test::qe_identity_body());
    const CollateralRules rules{.at = now,
                                .roots = {made.root.certificate()},
                                .certificates = {made.tcb_signing.certificate()}};
    return tdx_tcb(quote_of(made), must(verify_tcb_info(must(parse_tcb_info(json)), rules)),
                   must(verify_qe_identity(must(parse_qe_identity(qe)), rules)));
  };
  std::string signer;
  for (int i = 0; i < 48; ++i) signer += "11";
  const TdxTcb tcb = must(level_with(module("TDX_01", signer, 3, "OutOfDate")));
  REQUIRE(tcb.module == TcbStatus::out_of_date);
  REQUIRE(tcb.status == TcbStatus::out_of_date);
  REQUIRE_RULE(level_with(module("TDX_03", signer, 3, "UpToDate")), rules::tdx_module);
  REQUIRE_RULE(level_with(module("TDX_01", std::string(96, '0'), 3, "UpToDate")),
               rules::tdx_module);
  REQUIRE_RULE(level_with(module("TDX_01", signer, 4, "UpToDate")), rules::tdx_tcb_level);
  std::string attributes = module("TDX_01", signer, 3, "UpToDate");
  attributes.replace(attributes.find("\"attributes\":\"00"), 16, "\"attributes\":\"01");
  REQUIRE_RULE(level_with(attributes), rules::tdx_module);
}

TEST_CASE("a module of TDX 1.0 that somebody else signed is refused") {
  test::MadeTdx made;
  made.mrsignerseam = Bytes(48, std::byte{1});
  const CollateralRules rules{.at = now,
                              .roots = {made.root.certificate()},
                              .certificates = {made.tcb_signing.certificate()}};
  REQUIRE_RULE(
      tdx_tcb(quote_of(made),
              must(verify_tcb_info(must(parse_tcb_info(test::signed_json(
                                       made.tcb_signing, "tcbInfo", test::tcb_info_body({{}})))),
                                   rules)),
              must(verify_qe_identity(
                  must(parse_qe_identity(test::signed_json(made.tcb_signing, "enclaveIdentity",
                                                           test::qe_identity_body()))),
                  rules))),
      rules::tdx_module);
}

TEST_CASE("the form of collateral is strict") {
  const auto refused = [](std::string body, Rule rule) {
    REQUIRE_RULE(parse_tcb_info("{\"tcbInfo\":" + body + ",\"signature\":\"" +
                                std::string(128, '0') + "\"}"),
                 rule);
  };
  const std::string good = test::tcb_info_body({{}});
  const auto replaced = [&](std::string_view from, std::string_view to) {
    std::string body = good;
    return body.replace(body.find(from), from.size(), to);
  };
  refused(replaced("\"TDX\"", "\"SGX\""), rules::collateral_form);
  refused(replaced("\"version\":3", "\"version\":2"), rules::collateral_form);
  refused(replaced("UpToDate", "Splendid"), rules::collateral_form);
  refused(replaced("50806f000000", "50806f0000"), rules::collateral_form);
  refused(replaced("{\"svn\":5},", ""), rules::collateral_form);
  refused(replaced("\"pcesvn\":11", "\"pcesvn\":65536"), rules::collateral_form);
  REQUIRE_RULE(
      parse_tcb_info("{\"signature\":\"" + std::string(128, '0') + "\",\"tcbInfo\":" + good + "}"),
      rules::collateral_form);
}

}  // namespace
}  // namespace attest::tee
