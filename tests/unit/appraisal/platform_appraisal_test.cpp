// What a machine's maker certified of it, in a node's verdict.
#include "tests/support/made_platform.h"
#include "tests/unit/appraisal/gpu_scene.h"

using namespace attest;
using namespace attest::test;

namespace {

const std::string registry = "2.23.133.18.3.1";

const Certified& maker() {
  static const auto made = Certified::root({.common_name = "maker", .is_ca = true});
  return made;
}
const Certified& tpm_maker() {
  static const auto made = Certified::root({.common_name = "TPM maker", .is_ca = true});
  return made;
}

hardware::Component memory(const std::string& serial) {
  return {{registry, "00060004"}, "Example", "DIMM", serial, {}};
}

std::string inventory(const std::vector<std::string>& serials,
                      const std::string& machine = "0815") {
  std::string json =
      R"({"PLATFORM": {"PLATFORMMANUFACTURERSTR": "Example", "PLATFORMMODEL": "Rack 7",
    "PLATFORMVERSION": "", "PLATFORMSERIAL": ")" +
      machine + R"("}, "COMPONENTS": [)";
  for (const std::string& serial : serials)
    json += std::string(json.ends_with('[') ? "" : ",") +
            R"({"COMPONENTCLASS": {"COMPONENTCLASSREGISTRY": ")" + registry +
            R"(", "COMPONENTCLASSVALUE": "00060004"}, "MANUFACTURER": "Example", "MODEL": "DIMM",
            "SERIAL": ")" +
            serial + R"("})";
  return json + "]}";
}

// A machine that its maker certified, with two modules of memory.
struct Machine : Scene {
  MadePlatform certificate;

  Machine() {
    devices.clear();
    policy.gpu.reports = Need::any;
    policy.machine = {Need::required, Need::required};
    platform_authorities = {maker().certificate()};
    node.registered.ek_certificate =
        tpm_maker().issue({.common_name = "EK", .serial = must(from_hex("07"))}).certificate();
    certificate.components = {memory("1"), memory("2")};
    certificate.holder_issuer = subject_der(tpm_maker().certificate());
    certify();
    platform->inventory = inventory({"1", "2"});
  }
  void certify() {
    if (!platform) platform.emplace();
    platform->certificates = {certificate.by(maker())};
  }
};

bool judged(const Appraisal& appraisal, std::string_view name) {
  return std::ranges::find(appraisal.ear.checks, name, &result::Check::name) !=
         appraisal.ear.checks.end();
}

}  // namespace

TEST_CASE("a machine of the parts that its maker certified for its TPM passes") {
  Machine machine;
  const Appraisal appraisal = machine.appraise_now();
  REQUIRE(outcome(appraisal, "platform.certificate") == Verdict::pass);
  REQUIRE(outcome(appraisal, "components.listed") == Verdict::pass);
  // The maker's word and the host's are two submodules.
  REQUIRE(appraisal.ear.submods.at("platform").trust_level == TrustLevel::hardware_signed);
  REQUIRE(appraisal.ear.submods.at("components").trust_level == TrustLevel::host_reported);
}

TEST_CASE("a part that is missing or not certified is refused and named") {
  Machine machine;
  machine.platform->inventory = inventory({"1", "3"});
  const Appraisal appraisal = machine.appraise_now();
  const auto check =
      std::ranges::find(appraisal.ear.checks, "components.listed", &result::Check::name);
  REQUIRE(check->outcome == Verdict::refused);
  REQUIRE(check->expected.find("serial 2") != std::string::npos);
  REQUIRE(check->found.find("serial 3") != std::string::npos);
  machine.platform->inventory = inventory({"1", "2", "3"});
  REQUIRE(outcome(machine.appraise_now(), "components.listed") == Verdict::refused);
  machine.platform->inventory = inventory({"1"});
  REQUIRE(outcome(machine.appraise_now(), "components.listed") == Verdict::refused);
  machine.platform->inventory = inventory({"1", "2"}, "4711");
  REQUIRE(outcome(machine.appraise_now(), "components.listed") == Verdict::refused);
}

TEST_CASE("the certificate of another machine's TPM is refused, asked for or not") {
  Machine machine;
  machine.certificate.holder_serial = must(from_hex("08"));
  machine.certify();
  REQUIRE(outcome(machine.appraise_now(), "platform.certificate") == Verdict::refused);
  REQUIRE(outcome(machine.appraise_now(), "components.listed") == Verdict::incomplete);
  machine.policy.machine = {};
  REQUIRE(outcome(machine.appraise_now(), "platform.certificate") == Verdict::refused);
}

TEST_CASE("what cannot be checked of a certificate is incomplete where it is asked for") {
  Machine without_ek;
  without_ek.node.registered.ek_certificate.reset();
  REQUIRE(outcome(without_ek.appraise_now(), "platform.certificate") == Verdict::incomplete);
  Machine stranger;
  stranger.platform_authorities.clear();
  REQUIRE(outcome(stranger.appraise_now(), "platform.certificate") == Verdict::incomplete);
  stranger.policy.machine = {};
  const Appraisal unasked = stranger.appraise_now();
  REQUIRE_FALSE(judged(unasked, "platform.certificate"));
  REQUIRE(std::ranges::any_of(unasked.ear.not_checked, [](const std::string& line) {
    return line.starts_with("platform:");
  }));
  Machine none;
  none.platform.reset();
  REQUIRE(outcome(none.appraise_now(), "platform.certificate") == Verdict::incomplete);
  Machine silent;
  silent.platform->inventory.reset();
  REQUIRE(outcome(silent.appraise_now(), "components.listed") == Verdict::incomplete);
}

TEST_CASE("a certificate that is none is refused") {
  Machine machine;
  machine.platform->certificates = {to_bytes("nothing")};
  REQUIRE(outcome(machine.appraise_now(), "platform.certificate") == Verdict::refused);
}

TEST_CASE("the machine's custody is that of its certificate") {
  Machine machine;
  machine.policy.custody.required = {statement::DeviceKind::platform};
  std::optional<statement::Subject> asked;
  machine.custody = [&](const statement::Subject& device) {
    if (device.kind() == statement::SubjectKind::device) asked = device;
    return std::vector<hardware::ProvenStatement>();
  };
  REQUIRE(outcome(machine.appraise_now(), "custody.platform") == Verdict::refused);
  REQUIRE(asked == statement::subject_of({statement::DeviceKind::platform, must(from_hex("11")),
                                          must(maker().certificate().public_key()).thumbprint()}));
}
