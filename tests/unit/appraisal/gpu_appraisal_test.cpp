// A node with GPUs, from manifest and RIM files in the ledger to its result; and what refuses it.
#include "tests/unit/appraisal/gpu_scene.h"

using namespace attest;
using namespace attest::test;

TEST_CASE("a node whose GPUs are in its manifest and run what the ledger knows passes") {
  Scene scene;
  scene.ready();
  const Appraisal appraisal = scene.appraise_now();
  std::string why;
  for (const auto& reason : appraisal.reasons) why += reason + "\n";
  INFO(why);
  REQUIRE(gpu_outcome(appraisal) == Verdict::pass);
  REQUIRE(outcome(appraisal, "gpu.0.measurements.driver") == Verdict::pass);
  REQUIRE(outcome(appraisal, "gpu.1.manifest") == Verdict::pass);
  const result::Submod& submod = appraisal.ear.submods.at("gpu/0");
  REQUIRE(submod.trust_level == TrustLevel::hardware_signed);
  REQUIRE(submod.vector.get(TrustClaim::hardware) == result::value::affirmed);
  // The two RIM files are among what the result rests on.
  REQUIRE(appraisal.ear.reference_values.size() == 3);
}

TEST_CASE("a GPU that was swapped is refused, and the one that is gone is missed") {
  Scene scene;
  scene.ready();
  scene.devices[1] = vendor().device({.pdi = pdi(9)});
  const Appraisal appraisal = scene.appraise_now();
  REQUIRE(outcome(appraisal, "gpu.1.manifest") == Verdict::refused);
  REQUIRE(outcome(appraisal, "gpu.manifest") == Verdict::refused);
  REQUIRE(appraisal.verdict == Verdict::refused);
  REQUIRE(appraisal.ear.submods.at("gpu/1").vector.get(TrustClaim::hardware) ==
          result::value::contraindicated);
}

TEST_CASE("a GPU that the ledger knows in another machine is refused as that one's") {
  Scene scene;
  scene.ready();
  scene.add_manifest({serial_of(7)}, "another ek");
  scene.devices[1] = vendor().device({.pdi = pdi(7)});
  const Appraisal appraisal = scene.appraise_now();
  const auto check =
      std::ranges::find(appraisal.ear.checks, "gpu.1.manifest", &result::Check::name);
  REQUIRE(check->outcome == Verdict::refused);
  REQUIRE(check->why == "the GPU belongs to another machine by the ledger");
}

TEST_CASE("firmware older than the policy's minimum is refused") {
  Scene scene;
  scene.ready();
  scene.policy.gpu.minimum_vbios = "96.00.9F.00.01";
  scene.policy.gpu.minimum_driver = "550.54.15";
  REQUIRE(gpu_outcome(scene.appraise_now()) == Verdict::pass);
  scene.policy.gpu.minimum_vbios = "96.00.A0.00.01";
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.vbios") == Verdict::refused);
  scene.policy.gpu.minimum_vbios.reset();
  scene.policy.gpu.minimum_driver = "550.144.03";
  REQUIRE(outcome(scene.appraise_now(), "gpu.1.driver") == Verdict::refused);
}

TEST_CASE("firmware that no RIM in the ledger explains is refused") {
  Scene scene;
  scene.ready();
  scene.whole.report.blocks[9] = Bytes(48, std::byte{0xEE});
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.measurements.vbios") == Verdict::refused);
}

TEST_CASE("without RIM files in the ledger, or without a time for them, GPUs are incomplete") {
  Scene without;
  without.add_manifest({serial_of(1), serial_of(2)});
  REQUIRE(gpu_outcome(without.appraise_now()) == Verdict::incomplete);
  Scene timeless;
  timeless.entered.reset();
  timeless.ready();
  REQUIRE(gpu_outcome(timeless.appraise_now()) == Verdict::incomplete);
}

TEST_CASE("a report for the nonce of another label is refused") {
  Scene scene;
  scene.ready();
  scene.nonce_label = {0, 0};
  REQUIRE(outcome(scene.appraise_now(), "gpu.1.report.nonce") == Verdict::refused);
}

TEST_CASE("one GPU that answers for two is refused") {
  Scene scene;
  scene.add_manifest({serial_of(1)});
  scene.add_rims();
  scene.devices[1] = scene.devices[0];
  REQUIRE(outcome(scene.appraise_now(), "gpu.devices.repeated") == Verdict::refused);
}

TEST_CASE("devtools mode by the host's own word is refused unless the policy allows it") {
  Scene scene;
  scene.ready();
  scene.host["cc.devtools"] = "on";
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.devtools") == Verdict::refused);
  scene.policy.gpu.allow_devtools = true;
  REQUIRE(gpu_outcome(scene.appraise_now()) == Verdict::pass);
}

TEST_CASE("OCSP that the policy asks for and nobody stapled is incomplete") {
  Scene scene;
  scene.ready();
  scene.policy.gpu.revocation = Need::required;
  REQUIRE(gpu_outcome(scene.appraise_now()) == Verdict::incomplete);
}

TEST_CASE(
    "a node without GPUs is incomplete where the policy requires reports, and no concern else") {
  Scene scene;
  scene.devices.clear();
  REQUIRE(outcome(scene.appraise_now(), "gpu.report") == Verdict::incomplete);
  scene.policy.gpu.reports = Need::any;
  REQUIRE(gpu_outcome(scene.appraise_now()) == Verdict::pass);
}

TEST_CASE("a RIM is entered under its own id only") {
  const auto rim = must(gpu::parse_rim(as_bytes(vendor().rim(whole_gpu().driver))));
  TestLedgerTrust ledger;
  const auto prove = [&](const std::string& subject, const std::string& id) {
    const auto index = ledger.add(statement::Kind::reference_values, "platform:" + subject,
                                  gpu::encode_rim_reference(rim, id));
    return prove_rim(ledger.proven(index), {});
  };
  const std::string id = "NV_GPU_DRIVER_GH100_550.90.07";
  REQUIRE(must(prove(id, id)).id() == id);
  REQUIRE_RULE(prove("other", id), rules::rim_statement_subject);
  REQUIRE_RULE(prove("other", "other"), rules::rim_reference_form);
}

TEST_CASE("a confidential mode is signed by the GPU, or by the host's word, or neither") {
  Scene scene;
  scene.ready();
  scene.policy.gpu.confidential = Mode::reported;
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.confidential") == Verdict::incomplete);
  scene.host["cc.mode"] = "off";
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.confidential") == Verdict::refused);
  scene.host["cc.mode"] = "on";
  REQUIRE(gpu_outcome(scene.appraise_now()) == Verdict::pass);
  // The host's word is not the device's.
  scene.policy.gpu.confidential = Mode::signed_by_device;
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.confidential") == Verdict::incomplete);
  // Field 21: protected PCIe.
  for (auto& [type, value] : scene.whole.report.opaque)
    if (type == 21) value = must(from_hex("aa"));
  REQUIRE(gpu_outcome(scene.appraise_now()) == Verdict::pass);
}

TEST_CASE("golden values in the ledger stand in for RIM files that nobody published") {
  Scene scene;
  scene.add_manifest({serial_of(1), serial_of(2)});
  std::vector<ProvenDeviceValues> values;
  const auto add = [&](const RimSpec& rim, const std::string& id) {
    reference::DeviceValues golden{id, id, "as delivered", {}};
    for (const RimValue& each : rim.values)
      for (const Bytes& alternative : each.alternatives)
        golden.values["golden/" + std::to_string(each.index)].push_back({alternative, ""});
    const auto index = scene.ledger.add(statement::Kind::reference_values, "platform:" + id,
                                        must(reference::encode_device_values(golden)));
    values.push_back(must(prove_device_values(scene.ledger.proven(index))));
  };
  add(scene.whole.driver, "NV_GPU_DRIVER_GH100_550.90.07");
  add(scene.whole.vbios, "NV_GPU_VBIOS_1010_0200_882_96009F0001");
  scene.device_values = values;
  const Appraisal appraisal = scene.appraise_now();
  REQUIRE(gpu_outcome(appraisal) == Verdict::pass);
  REQUIRE(outcome(appraisal, "gpu.0.rim.vouched") == Verdict::pass);
  for (const auto& each : values)
    REQUIRE(std::ranges::count(appraisal.ear.reference_values, each.index()) == 1);
  scene.whole.report.blocks[9] = Bytes(48, std::byte{0xEE});
  REQUIRE(outcome(scene.appraise_now(), "gpu.0.measurements.vbios") == Verdict::refused);
}
