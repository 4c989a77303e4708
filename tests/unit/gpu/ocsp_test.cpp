#include "libattest/gpu/ocsp.h"

#include "libattest/gpu/device_chain.h"
#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

const Time at = from_unix(test::gpu_time);

struct Line {
  test::Vendor vendor = test::Vendor::make();
  test::TestDevice device = vendor.device();
  gpu::VerifiedDeviceChain chain =
      must(gpu::verify_device_chain(device.chain(), {{vendor.root.certificate}, {}}, at));

  Result<gpu::CertificateStatus> check(const Bytes& response, std::size_t index = 1) const {
    const std::vector<gpu::OcspResponse> responses = {must(gpu::OcspResponse::parse(response))};
    return gpu::check_status(chain.chain(), index, responses, at);
  }
  Bytes about_device(const test::OcspSpec& spec = {}) const {
    return test::ocsp(device.line[1].certificate, device.line[2].certificate, device.line[2], spec);
  }
};

}  // namespace

TEST_CASE("a good status by the issuer, in its time, passes") {
  const Line line;
  REQUIRE(must(line.check(line.about_device())).next_update == from_unix(test::gpu_time + 3600));
}

TEST_CASE("a good status by the issuer's responder passes, by anybody else's it is refused") {
  const Line line;
  const auto about = [&](const test::GpuCertificate& signer) {
    return test::ocsp(line.device.line[1].certificate, line.device.line[2].certificate, signer);
  };
  const test::GpuCertificateSpec responder{
      .common_name = "responder", .is_ca = false, .eku = "OCSPSigning"};
  REQUIRE_OK(line.check(about(test::issue(responder, &line.device.line[2]))));
  REQUIRE_RULE(line.check(about(test::issue(responder, &line.device.line[3]))),
               rules::ocsp_signature);
  REQUIRE_RULE(line.check(about(test::issue(responder, nullptr))), rules::ocsp_signature);
  test::GpuCertificateSpec not_for_it = responder;
  not_for_it.eku = "serverAuth";
  REQUIRE_RULE(line.check(about(test::issue(not_for_it, &line.device.line[2]))),
               rules::ocsp_signature);
}

TEST_CASE("revoked and held certificates are refused") {
  const Line line;
  REQUIRE_RULE(line.check(line.about_device({.revoked = true})), rules::ocsp_revoked);
  REQUIRE_RULE(line.check(line.about_device({.on_hold = true})), rules::ocsp_revoked);
}

TEST_CASE("a certificate revoked before stays so, however old the response") {
  const Line line;
  REQUIRE_RULE(line.check(line.about_device({.revoked = true,
                                             .this_update = from_unix(test::gpu_time - 9000),
                                             .next_update = from_unix(test::gpu_time - 8000)})),
               rules::ocsp_revoked);
}

TEST_CASE("a response out of its time, without an end, or about another, is incomplete") {
  const Line line;
  const std::vector<std::pair<test::OcspSpec, Rule>> cases = {
      {{.this_update = from_unix(test::gpu_time - 9000),
        .next_update = from_unix(test::gpu_time - 1)},
       rules::ocsp_stale},
      {{.this_update = from_unix(test::gpu_time + 1)}, rules::ocsp_stale},
      {{.next_update = {}}, rules::ocsp_stale},
      {{.unknown = true}, rules::ocsp_unknown}};
  for (const auto& [spec, rule] : cases) {
    const auto result = line.check(line.about_device(spec));
    REQUIRE_RULE(result, rule);
    REQUIRE(result.error().kind == ErrorKind::incomplete);
  }
  REQUIRE_RULE(line.check(line.about_device(), 2), rules::ocsp_missing);
}

TEST_CASE("a response about the same serial number of another issuer is not about this one") {
  const Line line;
  const Line other;
  const auto foreign = test::ocsp(line.device.line[1].certificate, other.device.line[2].certificate,
                                  other.device.line[2]);
  REQUIRE_RULE(line.check(foreign), rules::ocsp_missing);
}

TEST_CASE("what is no OCSP response is refused") {
  REQUIRE_RULE(gpu::OcspResponse::parse(as_bytes("nothing")), rules::ocsp_form);
  REQUIRE_RULE(gpu::OcspResponse::parse(*from_hex("3000")), rules::ocsp_form);
  const Line line;
  const Bytes der = line.about_device();
  REQUIRE_OK(gpu::OcspResponse::parse(as_bytes(to_base64(der) + "\n")));
  REQUIRE_RULE(gpu::OcspResponse::parse(concat({der, Bytes(1)})), rules::ocsp_form);
  const auto busy = gpu::OcspResponse::parse(*from_hex("30030a0103"));
  REQUIRE_RULE(busy, rules::ocsp_responder);
}
