// Whose a node's devices are, and where: the ledger's word in a node's verdict.
#include "libattest/statement/custody.h"
#include "tests/unit/appraisal/gpu_scene.h"

using namespace attest;
using namespace attest::test;
using statement::CustodyEvent;
using statement::DeviceKind;

namespace {

const std::string owner = "owner@example";
const std::string other = "other@example";

struct Said {
  std::string to = {};
  std::string region = {};
  std::string jurisdiction = {};
};

// A scene with a ledger of lives: devices are made by "other@example" and sold to "owner@example".
struct Lives : Scene {
  std::vector<hardware::ProvenStatement> statements;

  Lives() {
    ready();
    policy.custody.required = {DeviceKind::ek, DeviceKind::gpu};
    policy.custody.rules.holder = owner;
    custody = [this](const statement::Subject& device) {
      std::vector<hardware::ProvenStatement> about;
      for (const auto& each : statements)
        if (each->subject() == device) about.push_back(each);
      return about;
    };
  }

  statement::DeviceIdentity tpm() const { return {DeviceKind::ek, {}, node.registered.ek}; }
  statement::DeviceIdentity gpu(std::size_t number) const {
    const Certificate& brom = devices.at(number).line.at(1).certificate;
    return {DeviceKind::gpu, must(from_hex(brom.serial_hex())),
            must(brom.public_key()).thumbprint()};
  }

  Sha256 say(const statement::DeviceIdentity& device, const std::string& party, CustodyEvent event,
             std::optional<Sha256> previous, const Said& said = {}) {
    statement::Custody content;
    content.device = device;
    content.event = event;
    content.previous = previous;
    if (!said.to.empty()) content.to = said.to;
    if (!said.region.empty()) content.place = {said.region, "hall 3"};
    if (!said.jurisdiction.empty()) content.jurisdiction = said.jurisdiction;
    content.time = statement_time;
    const auto index = ledger.add(statement::Kind::custody, statement::subject_of(device).text(),
                                  statement::encode(content), party == other);
    statements.push_back(ledger.proven(index));
    return sha256(statements.back()->bytes());
  }
  // A life in good order, up to being installed; gives the last statement's digest.
  Sha256 live(const statement::DeviceIdentity& device, const std::string& region = "eu-north",
              const std::string& jurisdiction = "TW") {
    using enum CustodyEvent;
    Sha256 head = say(device, other, made, {}, {.jurisdiction = jurisdiction});
    head = say(device, other, sold, head, {.to = owner});
    head = say(device, owner, received, head);
    return region.empty() ? head : say(device, owner, installed, head, {.region = region});
  }
  void all_live() {
    live(tpm());
    live(gpu(0));
    live(gpu(1));
  }
};

}  // namespace

TEST_CASE("devices whose lives lead to their holder pass, and the result rests on each statement") {
  Lives scene;
  scene.all_live();
  scene.policy.custody.rules.allowed_regions = {"eu-north"};
  const Appraisal appraisal = scene.appraise_now();
  for (const char* device : {"ek", "gpu.0", "gpu.1"}) {
    REQUIRE(outcome(appraisal, "custody." + std::string(device)) == Verdict::pass);
    REQUIRE(outcome(appraisal, "place." + std::string(device)) == Verdict::pass);
  }
  for (const auto& each : scene.statements)
    REQUIRE(std::ranges::count(appraisal.ear.reference_values, each.index()) == 1);
  // People's words, however well signed, are no hardware's.
  for (const char* name : {"custody", "place"}) {
    REQUIRE(appraisal.ear.submods.at(name).trust_level == TrustLevel::host_reported);
    REQUIRE(appraisal.ear.submods.at(name).status == result::Tier::affirming);
  }
  REQUIRE(appraisal.ear.submods.at("gpu/0").vector.get(TrustClaim::instance_identity) ==
          result::value::affirmed);
  REQUIRE(std::ranges::any_of(appraisal.ear.not_checked,
                              [](const std::string& line) { return line.starts_with("place:"); }));
}

TEST_CASE("a device that nobody claims is refused where its custody is required, and only there") {
  Lives scene;
  scene.live(scene.tpm());
  scene.live(scene.gpu(0));
  const Appraisal appraisal = scene.appraise_now();
  REQUIRE(outcome(appraisal, "custody.gpu.1") == Verdict::refused);
  REQUIRE(appraisal.verdict == Verdict::refused);
  REQUIRE(appraisal.ear.submods.at("gpu/1").vector.get(TrustClaim::instance_identity) ==
          result::value::not_recognised);
  scene.policy.custody.required = {DeviceKind::ek};
  for (const result::Check& check : scene.appraise_now().ear.checks)
    REQUIRE(check.name != "custody.gpu.1");
}

TEST_CASE("a device that was sold on is the other's, wherever it stands") {
  Lives scene;
  scene.all_live();
  // Four statements a device: the TPM's, then those of the first GPU.
  const Sha256 last = sha256(scene.statements.at(7)->bytes());
  const Sha256 sold = scene.say(scene.gpu(0), owner, CustodyEvent::sold, last, {.to = other});
  // On its way it is nobody's to show.
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::refused);
  scene.say(scene.gpu(0), other, CustodyEvent::received, sold);
  const Appraisal stolen = scene.appraise_now();
  const auto check = std::ranges::find(stolen.ear.checks, "custody.gpu.0", &result::Check::name);
  REQUIRE(check->outcome == Verdict::refused);
  REQUIRE(check->found == other);
  REQUIRE(outcome(stolen, "custody.gpu.1") == Verdict::pass);
  REQUIRE(stolen.ear.submods.at("custody").status == result::Tier::contraindicated);
}

TEST_CASE("a device outside its region is refused; one that nobody placed cannot be told") {
  Lives scene;
  scene.live(scene.tpm());
  scene.live(scene.gpu(0), "us-east");
  scene.live(scene.gpu(1), "");
  scene.policy.custody.rules.allowed_regions = {"eu-north"};
  const Appraisal appraisal = scene.appraise_now();
  REQUIRE(outcome(appraisal, "place.ek") == Verdict::pass);
  REQUIRE(outcome(appraisal, "place.gpu.0") == Verdict::refused);
  REQUIRE(outcome(appraisal, "place.gpu.1") == Verdict::incomplete);
  REQUIRE(outcome(appraisal, "custody.gpu.0") == Verdict::pass);
  REQUIRE(appraisal.ear.submods.at("place").status == result::Tier::contraindicated);
}

TEST_CASE("a place that nobody else saw is incomplete where an inspection is required") {
  Lives scene;
  scene.policy.custody.required = {DeviceKind::ek};
  scene.policy.custody.rules.require_inspection = true;
  const Sha256 installed = scene.live(scene.tpm());
  REQUIRE(outcome(scene.appraise_now(), "place.ek") == Verdict::incomplete);
  const statement::Inspection seen{
      scene.tpm(), installed, {"eu-north", "hall 3"}, "seen", statement_time};
  const auto index =
      scene.ledger.add(statement::Kind::inspection, statement::subject_of(scene.tpm()).text(),
                       statement::encode(seen), true);
  scene.statements.push_back(scene.ledger.proven(index));
  REQUIRE(outcome(scene.appraise_now(), "place.ek") == Verdict::pass);
}

TEST_CASE("a forbidden jurisdiction or party counts even where custody is not required") {
  Lives scene;
  scene.policy.custody.required.clear();
  scene.policy.custody.rules.holder.reset();
  scene.live(scene.gpu(0), "eu-north", "XX");
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::pass);
  scene.policy.custody.rules.forbidden_jurisdictions = {"XX"};
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::refused);
  scene.policy.custody.rules.forbidden_jurisdictions.clear();
  scene.policy.custody.rules.forbidden_parties = {other};
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::refused);
}

TEST_CASE("a device that was decommissioned answers in vain") {
  Lives scene;
  scene.live(scene.tpm());
  scene.live(scene.gpu(1));
  const Sha256 head = scene.live(scene.gpu(0));
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::pass);
  scene.say(scene.gpu(0), owner, CustodyEvent::decommissioned, head);
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::refused);
}

TEST_CASE("what cannot be told of a required custody is incomplete") {
  Lives scene;
  scene.all_live();
  scene.policy.custody.required = {DeviceKind::gpu, DeviceKind::chip, DeviceKind::platform};
  scene.silent = {1};
  const Appraisal appraisal = scene.appraise_now();
  REQUIRE(outcome(appraisal, "custody.gpu.0") == Verdict::pass);
  REQUIRE(outcome(appraisal, "custody.gpu.1") == Verdict::incomplete);
  REQUIRE(outcome(appraisal, "custody.chip") == Verdict::incomplete);
  REQUIRE(outcome(appraisal, "custody.platform") == Verdict::incomplete);
  scene.custody = [](const statement::Subject&) -> Result<std::vector<hardware::ProvenStatement>> {
    return fail(incomplete(rules::statement_not_in_log, "unreachable"));
  };
  REQUIRE(outcome(scene.appraise_now(), "custody.gpu.0") == Verdict::incomplete);
}
