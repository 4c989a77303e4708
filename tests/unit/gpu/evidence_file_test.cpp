#include "libattest/gpu/evidence_file.h"

#include "libattest/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

struct Made {
  test::TestDevice device = test::Vendor::make().device();
  Bytes report = device.report(test::whole_gpu().report);

  std::string pem() const {
    std::string text;
    for (const Certificate& certificate : device.chain()) text += certificate.to_pem();
    return text;
  }
  Json plain() const {
    return {{"arch", "HOPPER"},
            {"nonce", std::string(64, '1')},
            {"evidence", to_base64(report)},
            {"certificate", to_base64(as_bytes(pem()))}};
  }
  Json dumped() const {
    Json certificates = Json::array();
    for (const Certificate& certificate : device.chain())
      certificates.push_back({{"pem", to_base64(as_bytes(certificate.to_pem()))}});
    return {{"gpus",
             {{{"UUID", "GPU-1"},
               {"AttestationReport", {{"py/b64", to_base64(report)}}},
               {"CertificateChains", {{"GpuAttestationCertificateChain", certificates}}}}}}};
  }
};

}  // namespace

TEST_CASE("both forms of evidence files give the same device") {
  const Made made;
  const auto plain = must(gpu::parse_evidence_file(to_line(Json::array({made.plain()}))));
  const auto dumped = must(gpu::parse_evidence_file(to_line(made.dumped())));
  REQUIRE(plain.at(0).label == "gpu/0");
  REQUIRE(dumped.at(0).label == "gpu/0");
  REQUIRE(plain.at(0).claimed_nonce == Bytes(32, std::byte{0x11}));
  REQUIRE(plain.at(0).chain.size() == 5);
  REQUIRE(dumped.at(0).chain.size() == 5);
  REQUIRE(plain.at(0).report.signed_bytes == dumped.at(0).report.signed_bytes);
}

TEST_CASE("what lacks a part, or is no evidence, is refused") {
  const Made made;
  for (const char* name : {"nonce", "evidence", "certificate"}) {
    Json broken = made.plain();
    broken.erase(name);
    REQUIRE_RULE(gpu::parse_evidence_file(to_line(Json::array({broken}))),
                 rules::evidence_file_form);
  }
  for (const char* name : {"AttestationReport", "CertificateChains"}) {
    Json broken = made.dumped();
    broken["gpus"][0].erase(name);
    REQUIRE_RULE(gpu::parse_evidence_file(to_line(broken)), rules::evidence_file_form);
  }
  for (const char* text : {"[]", "{}", "7", "[7]", "{\"gpus\": 7}", "{\"gpus\": [7]}"})
    REQUIRE_RULE(gpu::parse_evidence_file(text), rules::evidence_file_form);
  REQUIRE_RULE(gpu::parse_evidence_file(to_line(Json::array({made.plain()})) + "x"),
               rules::json_form);
}
