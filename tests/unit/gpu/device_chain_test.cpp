#include "libattest/gpu/device_chain.h"

#include "libattest/gpu/report_verification.h"
#include "tests/support/catch.h"
#include "tests/support/test_ca.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

const Time at = from_unix(test::gpu_time);

const test::Vendor& vendor() {
  static const test::Vendor made = test::Vendor::make();
  return made;
}

gpu::RootPins roots(const test::Vendor& of = vendor()) {
  return {{of.root.certificate}, {}};
}

Result<gpu::VerifiedDeviceChain> verify(const test::DeviceSpec& spec) {
  return gpu::verify_device_chain(vendor().device(spec).chain(), roots(), at);
}

Result<gpu::VerifiedReport> verify_report(const test::TestDevice& device, const Bytes& report,
                                          const std::optional<Bytes>& nonce = {}) {
  const auto chain = must(gpu::verify_device_chain(device.chain(), roots(), at));
  return gpu::verify_report(must(gpu::parse_report(report)), chain, nonce);
}

}  // namespace

TEST_CASE("a chain says which device this is, for life") {
  const auto identity = must(verify({})).identity();
  REQUIRE(identity.kind == gpu::DeviceKind::gpu);
  REQUIRE(identity.chip == "GH100");
  REQUIRE(identity.architecture == "Hopper");
  REQUIRE(identity.device_serial == "414301000000000000");
  REQUIRE(to_hex(identity.pdi) == "4301000000000000");
  REQUIRE(identity.firmware_id == Bytes(48, std::byte{0xF1}));
}

TEST_CASE("a firmware update changes the leaf, not the device") {
  const auto vendor_device = vendor().device();
  const auto before = must(gpu::verify_device_chain(vendor_device.chain(), roots(), at)).identity();
  auto updated = vendor_device;
  updated.line[0] =
      test::issue({.common_name = "GH100 A01 GSP FMC LF", .is_ca = false}, &vendor_device.line[1]);
  const auto after = must(gpu::verify_device_chain(updated.chain(), roots(), at)).identity();
  REQUIRE(before.leaf_serial != after.leaf_serial);
  REQUIRE(before.device_serial == after.device_serial);
  REQUIRE(before.device_key == after.device_key);
}

TEST_CASE("a switch is told by its serial number") {
  const auto identity =
      must(verify({.kind = gpu::DeviceKind::nvswitch, .chip = "LS_10"})).identity();
  REQUIRE(identity.kind == gpu::DeviceKind::nvswitch);
  REQUIRE(identity.chip == "LS10");
}

TEST_CASE("roots may be pinned by fingerprint; a root of another domain is refused") {
  const auto chain = vendor().device().chain();
  REQUIRE_OK(gpu::verify_device_chain(chain, {{}, {vendor().root.certificate.fingerprint()}}, at));
  const test::Vendor other = test::Vendor::make("GH100", "Other");
  REQUIRE_RULE(gpu::verify_device_chain(chain, roots(other), at), rules::chain_untrusted_root);
  REQUIRE_RULE(gpu::verify_device_chain(chain, gpu::nvidia_device_roots(), at),
               rules::chain_untrusted_root);
}

TEST_CASE("an expired chain is incomplete, no chain is refused") {
  const auto result = gpu::verify_device_chain(vendor().device().chain(), roots(),
                                               from_unix(test::gpu_time + 5 * 365 * 86400));
  REQUIRE_RULE(result, rules::chain_time);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
  REQUIRE_RULE(gpu::verify_device_chain({}, roots(), at), rules::device_identity);
}

TEST_CASE("a leaf for another use than answering as a device is refused") {
  REQUIRE_OK(verify({.leaf_eku = "1.3.6.1.4.1.412.274.3"}));
  REQUIRE_RULE(verify({.leaf_eku = "1.3.6.1.4.1.412.274.4"}), rules::device_role);
  REQUIRE_RULE(verify({.leaf_eku = "serverAuth"}), rules::device_role);
  REQUIRE_RULE(verify({.leaf_usage = "critical,keyAgreement"}), rules::device_role);
  REQUIRE_RULE(verify({.leaf_curve = "P-256"}), rules::device_role);
}

TEST_CASE("the device's own certificate does not stand in for the leaf") {
  auto chain = vendor().device().chain();
  chain.erase(chain.begin());
  REQUIRE_RULE(gpu::verify_device_chain(chain, roots(), at), rules::chain_leaf_is_ca);
}

TEST_CASE("certificate 1 is a device's, of the leaf's chip") {
  REQUIRE_RULE(verify({.device_name = "GH100 A01 GSP CA"}), rules::device_identity);
  REQUIRE_RULE(verify({.device_serial = *from_hex("424301000000000000")}), rules::device_identity);
  REQUIRE_RULE(verify({.device_serial = *from_hex("4143010000000000")}), rules::device_identity);
  REQUIRE_RULE(verify({.leaf_name = "GB100 A01 GSP FMC LF"}), rules::device_identity);
}

TEST_CASE("a firmware id is read from both forms of the extension") {
  const Bytes fwid(48, std::byte{0xB2});
  REQUIRE(must(verify({.firmware_id = fwid})).identity().firmware_id == fwid);
  REQUIRE(must(verify({.firmware_id = fwid, .tcb_info = true})).identity().firmware_id == fwid);
  REQUIRE_FALSE(must(verify({.has_firmware_id = false})).identity().firmware_id);
  REQUIRE_RULE(verify({.firmware_id = Bytes(47)}), rules::device_fwid_form);
  REQUIRE_RULE(verify({.firmware_id = Bytes(47), .tcb_info = true}), rules::device_fwid_form);
}

TEST_CASE("a report by the device, for the nonce, is verified") {
  const auto device = vendor().device();
  const auto report = must(
      verify_report(device, device.report(test::whole_gpu().report), Bytes(32, std::byte{0x11})));
  REQUIRE(report.nonce_checked());
  REQUIRE(report.device().chip == "GH100");
}

TEST_CASE("a report of one device with the chain of another is refused") {
  const auto a = vendor().device();
  const auto b = vendor().device({.pdi = {std::byte{0x99}}});
  REQUIRE_RULE(verify_report(a, b.report(test::whole_gpu().report)), rules::report_signature);
}

TEST_CASE("a flipped bit anywhere in a report is refused") {
  const auto device = vendor().device();
  const Bytes genuine = device.report(test::whole_gpu().report);
  for (const std::size_t position : {4UL, 60UL, 2310UL, genuine.size() - 1}) {
    Bytes report = genuine;
    report[position] ^= std::byte{1};
    REQUIRE_RULE(verify_report(device, report), rules::report_signature);
  }
}

TEST_CASE("a report for another nonce is refused") {
  const auto device = vendor().device();
  REQUIRE_RULE(verify_report(device, device.report(test::whole_gpu().report), Bytes(32)),
               rules::report_nonce);
}

TEST_CASE("a report of firmware the certificate was not issued to is refused") {
  const auto device = vendor().device({.firmware_id = Bytes(48, std::byte{0xF2})});
  REQUIRE_RULE(verify_report(device, device.report(test::whole_gpu().report)),
               rules::report_firmware_id);
  const auto without = vendor().device({.has_firmware_id = false});
  REQUIRE_RULE(verify_report(without, without.report(test::whole_gpu().report)),
               rules::report_firmware_id);
}

TEST_CASE("a GPU's report signed by a switch is refused, and so is a switch with another PDI") {
  const auto device = vendor().device({.kind = gpu::DeviceKind::nvswitch, .chip = "LS_10"});
  REQUIRE_RULE(verify_report(device, device.report(test::whole_gpu().report)), rules::report_kind);
  test::ReportSpec spec;
  spec.blocks = {Bytes(48)};
  spec.opaque = {{22, *from_hex("4301000000000000")}, {26, Bytes(128)}};
  REQUIRE_OK(verify_report(device, device.report(spec)));
  spec.opaque[0].second[7] = std::byte{9};
  REQUIRE_RULE(verify_report(device, device.report(spec)), rules::report_pdi);
}

TEST_CASE("a device that its authority revoked by CRL is refused") {
  const auto root = test::Certified::root({.common_name = "Test root", .is_ca = true});
  const auto issuer = root.issue({.common_name = "GH100 Provisioner", .is_ca = true});
  const auto device = issuer.issue({.common_name = "GH100 A01 GSP BROM",
                                    .is_ca = true,
                                    .curve = "P-384",
                                    .serial = must(from_hex("414301000000000000"))});
  const auto leaf = device.issue({.common_name = "GH100 A01 GSP FMC LF", .curve = "P-384"});
  const std::vector<Certificate> chain = {leaf.certificate(), device.certificate(),
                                          issuer.certificate(), root.certificate()};
  const auto verify = [&](const std::vector<Certificate>& revoked) {
    const std::vector<Bytes> crls = {issuer.crl(revoked, at - Seconds{60}, at + Seconds{3600})};
    return gpu::verify_device_chain(chain, {{root.certificate()}, {}}, at, crls);
  };
  REQUIRE_OK(verify({}));
  REQUIRE_RULE(verify({device.certificate()}), rules::chain_revoked);
}
