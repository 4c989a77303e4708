#include "libattest/appraisal/appraise.h"

#include "libattest/evidence/models_item.h"
#include "tests/support/test_ledger_trust.h"
#include "tests/support/test_node.h"

using namespace attest;
using namespace attest::appraisal;
using result::Tier;
using result::TrustClaim;
using result::Verdict;
using test::TestNode;

namespace {

// A node that passes, its reference values and its manifest: each test breaks one of them.
struct Scene {
  TestNode node;
  Policy policy;
  test::TestLedgerTrust ledger;
  hardware::DeviceManifests manifests;
  std::vector<ProvenReferenceValues> references;
  // A ledger of its own, so that the indexes of the other one are the tests' to count.
  test::TestLedgerTrust policy_ledger;
  std::vector<hardware::ProvenStatement> policies;
  std::optional<NodeMemory> previous;
  Time now = test::appraisal_time + Seconds{5};
  const ImaList* ima_list = nullptr;

  Scene() {
    policy.name = "test";
    policy.platform = "board";
    policy.required_pcrs = test::firmware_pcrs;
    policy.quote_max_age = Seconds{600};
    policy.result_lifetime = Seconds{900};
    policy.digest = sha256(as_bytes("the policy's text"));
    enter_policy("the policy's text");
  }

  void enter_policy(std::string_view text) {
    const auto index = policy_ledger.add(statement::Kind::policy, "policy:test", as_bytes(text));
    policies = {policy_ledger.proven(index)};
  }

  static reference::ReferenceValues values_of(const test::TestTpm& tpm) {
    reference::ReferenceValues values;
    values.id = "id";
    values.platform = "board";
    values.description = "as measured";
    const tpm::PcrValues pcrs = tpm.pcrs(test::firmware_pcrs);
    for (const auto& [index, value] : pcrs.banks().at(HashAlgorithm::sha256))
      values.pcrs[HashAlgorithm::sha256][index] = {{value, ""}};
    const auto log = must(tpm::parse_event_log(tpm.event_log()));
    for (const tpm::Event& event : log.events())
      if (event.extends())
        values.events[HashAlgorithm::sha256][event.pcr].push_back(
            {to_bytes(event.digest(HashAlgorithm::sha256)), "known good"});
    return values;
  }

  std::uint64_t know(const reference::ReferenceValues& values) {
    const auto index = ledger.add(statement::Kind::reference_values, "platform:" + values.platform,
                                  must(reference::encode_reference_values(values)));
    references.push_back(must(prove_reference_values(ledger.proven(index))));
    return index;
  }
  void know_good_boot() {
    test::TestTpm good;
    good.boot(true, test::good_boot_loader);
    know(values_of(good));
  }

  std::uint64_t add_manifest(std::optional<std::string> owner = {}, bool by_other = false) {
    statement::DeviceManifest manifest;
    manifest.ek = node.registered.ek;
    manifest.node = std::move(owner);
    const auto index = ledger.add(statement::Kind::device_manifest, "ek:" + to_hex(manifest.ek),
                                  statement::encode(manifest), by_other);
    must(manifests.add(ledger.proven(index)));
    return index;
  }

  Appraisal judge() const {
    return appraise(node.verified(), policy,
                    {references,
                     manifests,
                     policies,
                     previous,
                     now,
                     "verifier.example",
                     {"attest", "test"},
                     ima_list});
  }
};

Scene good_scene() {
  Scene scene;
  scene.know_good_boot();
  scene.add_manifest("rack7-n03");
  return scene;
}

// only_failure gives the one check that did not pass.
result::Check only_failure(const Appraisal& appraisal) {
  std::vector<result::Check> failed;
  for (const auto& check : appraisal.ear.checks)
    if (check.outcome != Verdict::pass) failed.push_back(check);
  for (const auto& reason : appraisal.reasons) UNSCOPED_INFO(reason);
  REQUIRE(failed.size() == 1);
  REQUIRE(appraisal.verdict == failed.front().outcome);
  REQUIRE(appraisal.ear.verdict == failed.front().outcome);
  return failed.front();
}

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a policy that no statement of the ledger holds judges nobody") {
  Scene scene = good_scene();
  scene.enter_policy("another text");
  REQUIRE(only_failure(scene.judge()).name == "policy.entered");
  REQUIRE(scene.judge().verdict == Verdict::incomplete);
  scene.policies.clear();
  REQUIRE(only_failure(scene.judge()).name == "policy.entered");
}

TEST_CASE("a node that is what it should be passes, and its result says on what that rests") {
  const Scene scene = good_scene();
  const Appraisal appraisal = scene.judge();
  for (const auto& reason : appraisal.reasons) UNSCOPED_INFO(reason);
  REQUIRE(appraisal.verdict == Verdict::pass);
  const result::Ear& ear = appraisal.ear;
  REQUIRE(ear.issuer == "verifier.example");
  REQUIRE(ear.subject == "rack7-n03");
  REQUIRE(ear.issued_at == scene.now);
  REQUIRE(ear.expires == scene.now + Seconds{900});
  const auto nonce = scene.node.verified_challenge().nonce();
  REQUIRE(equal(*ear.nonce, nonce));
  REQUIRE(ear.reference_values == std::vector<std::uint64_t>{0, 1});
  REQUIRE(ear.submods.at("node").status == Tier::affirming);
  REQUIRE(ear.submods.at("node").trust_level == result::TrustLevel::hardware_signed);
  REQUIRE(ear.submods.at("boot").status == Tier::affirming);
  REQUIRE(ear.submods.at("boot").trust_level == result::TrustLevel::tpm_measured);
  REQUIRE(ear.submods.at("boot").policy_id == scene.policy.id());
  REQUIRE(ear.checks.size() == 15);
  REQUIRE(appraisal.memory->clock == scene.node.tpm.clock);
}

TEST_CASE("a changed boot loader is refused, with the PCR and the event that differ") {
  Scene scene = good_scene();
  const Sha256 other = sha256(as_bytes("another boot loader"));
  scene.node.tpm.reset();
  scene.node.tpm.boot(true, other);
  const Appraisal appraisal = scene.judge();
  const auto check = only_failure(appraisal);
  REQUIRE(check.name == "boot.pcr.4");
  REQUIRE(check.outcome == Verdict::refused);
  REQUIRE(contains(check.why, "PCR 4 differs from every reference value"));
  REQUIRE(contains(check.why, "event 11, EV_EFI_BOOT_SERVICES_APPLICATION"));
  REQUIRE(check.found == "sha256 " + to_hex(other));
  REQUIRE(check.expected ==
          "sha256 " + to_hex(test::good_boot_loader) + " (reference 0, \"known good\")");
  REQUIRE(appraisal.ear.submods.at("boot").vector.get(TrustClaim::executables) == 96);
  REQUIRE(appraisal.ear.submods.at("boot").status == Tier::contraindicated);
}

TEST_CASE("after a reboot a difference is called a boot from other files") {
  Scene scene = good_scene();
  scene.previous = scene.judge().memory;
  scene.node.tpm.reset();
  scene.node.tpm.boot(true, sha256(as_bytes("another boot loader")));
  const auto check = only_failure(scene.judge());
  REQUIRE(contains(check.why, "resetCount 41"));
  REQUIRE(contains(check.why, "a boot from other files"));
}

TEST_CASE("a PCR extended after the log's end is refused as a change at run time") {
  Scene scene = good_scene();
  scene.policy.secure_boot = Need::any;
  scene.node.tpm.extend(4, Bytes(32));
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::refused);
  REQUIRE(appraisal.reasons.size() == 2);
  REQUIRE(contains(appraisal.reasons[0], "boot.pcr.4: PCR 4 differs"));
  REQUIRE(contains(appraisal.reasons[0], "after the log's last event for it (event 11"));
  REQUIRE(contains(appraisal.reasons[0], "a change at run time"));
  REQUIRE(contains(appraisal.reasons[1], "boot.eventlog"));
}

TEST_CASE("an event that is missing is named") {
  Scene scene = good_scene();
  auto values = Scene::values_of(scene.node.tpm);
  scene.references.clear();
  values.pcrs[HashAlgorithm::sha256][4] = {{Bytes(32, std::byte{9}), ""}};
  values.events[HashAlgorithm::sha256][4].push_back({Bytes(32, std::byte{8}), "second stage"});
  scene.know(values);
  const auto check = only_failure(scene.judge());
  REQUIRE(contains(check.why, "one is missing"));
  REQUIRE(contains(check.expected, "second stage"));
}

TEST_CASE("any of several reference values will do, and the one that matched is relied on") {
  Scene scene;
  scene.add_manifest();
  test::TestTpm other;
  other.boot(true, sha256(as_bytes("old boot loader")));
  scene.know(Scene::values_of(other));
  scene.know_good_boot();
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::pass);
  REQUIRE(appraisal.ear.reference_values == std::vector<std::uint64_t>{0, 1, 2});
}

TEST_CASE("reference values of another platform do not count") {
  Scene scene = good_scene();
  scene.policy.platform = "other-board";
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::incomplete);
  REQUIRE(appraisal.reasons.size() == 8);
}

TEST_CASE("a PCR without any reference value is incomplete") {
  Scene scene = good_scene();
  auto values = Scene::values_of(scene.node.tpm);
  values.pcrs[HashAlgorithm::sha256].erase(5);
  scene.references.clear();
  scene.know(values);
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "boot.pcr.5");
  REQUIRE(check.outcome == Verdict::incomplete);
}

TEST_CASE("a quote that leaves out a required PCR is refused") {
  Scene scene = good_scene();
  scene.node.quoted = tpm::PcrSet{0, 1, 2, 3, 4, 5, 7};
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "boot.quoted");
  REQUIRE(check.outcome == Verdict::refused);
}

TEST_CASE("a quote in another bank than the policy's is refused") {
  Scene scene = good_scene();
  scene.policy.bank = HashAlgorithm::sha384;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "boot.quoted");
}

TEST_CASE("an event log that is required and absent is incomplete") {
  Scene scene = good_scene();
  scene.policy.secure_boot = Need::any;
  scene.node.with_log = false;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "boot.eventlog");
  REQUIRE(check.outcome == Verdict::incomplete);
  scene.policy.event_log = Need::any;
  REQUIRE(scene.judge().verdict == Verdict::pass);
}

TEST_CASE("Secure Boot switched off is refused where it is required, and only there") {
  Scene scene;
  scene.add_manifest();
  scene.node.tpm.reset();
  scene.node.tpm.boot(false, test::good_boot_loader);
  scene.know(Scene::values_of(scene.node.tpm));
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "boot.secure_boot");
  REQUIRE(check.outcome == Verdict::refused);
  scene.policy.secure_boot = Need::any;
  REQUIRE(scene.judge().verdict == Verdict::pass);
}

TEST_CASE("Secure Boot is incomplete where no log that the PCRs vouch for speaks of it") {
  Scene scene = good_scene();
  scene.policy.event_log = Need::any;
  scene.node.with_log = false;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "boot.secure_boot");
  REQUIRE(check.outcome == Verdict::incomplete);
}

TEST_CASE("a quote older than the policy allows is incomplete") {
  Scene scene = good_scene();
  scene.now = test::appraisal_time + scene.policy.quote_max_age;
  REQUIRE(scene.judge().verdict == Verdict::pass);
  scene.now += Seconds{1};
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "node.age");
  REQUIRE(check.outcome == Verdict::incomplete);
}

TEST_CASE("a quote from before the last one accepted is refused, and not remembered") {
  Scene scene = good_scene();
  scene.previous = scene.judge().memory;
  scene.previous->clock.reset_count += 1;
  const Appraisal appraisal = scene.judge();
  const auto check = only_failure(appraisal);
  REQUIRE(check.name == "node.clock");
  REQUIRE(check.outcome == Verdict::refused);
  REQUIRE_FALSE(appraisal.memory);
}

TEST_CASE("the clock of another AK is not compared") {
  Scene scene = good_scene();
  scene.previous = scene.judge().memory;
  scene.previous->clock.reset_count += 1;
  scene.previous->ak_name = test::TestTpm().ak_name();
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::pass);
  REQUIRE(contains(appraisal.ear.not_checked.front(), "TPM clock"));
}

TEST_CASE("a software TPM is refused unless the policy allows it, and then it is a warning") {
  Scene scene = good_scene();
  scene.node.registered.software_tpm = true;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "node.tpm");
  REQUIRE(check.outcome == Verdict::refused);
  scene.policy.allow_software_tpm = true;
  const Appraisal allowed = scene.judge();
  REQUIRE(allowed.verdict == Verdict::pass);
  REQUIRE(allowed.ear.submods.at("node").status == Tier::warning);
}

TEST_CASE("a missing manifest is incomplete where one is required, and only there") {
  Scene scene;
  scene.know_good_boot();
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "node.manifest");
  REQUIRE(check.outcome == Verdict::incomplete);
  scene.policy.require_manifest = false;
  REQUIRE(scene.judge().verdict == Verdict::pass);
}

TEST_CASE("a manifest that names another node is refused") {
  Scene scene;
  scene.know_good_boot();
  scene.add_manifest("rack7-n04");
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "node.manifest");
  REQUIRE(check.outcome == Verdict::refused);
}

TEST_CASE("manifests by two issuers are refused, even where none is required") {
  Scene scene = good_scene();
  scene.add_manifest({}, true);
  scene.policy.require_manifest = false;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "node.manifest");
  REQUIRE(contains(check.found, "owner@example (entry 1), other@example (entry 2)"));
}

TEST_CASE("models that are not listed are incomplete where the policy requires the list") {
  Scene scene = good_scene();
  scene.policy.models = Need::required;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "models.report");
  scene.node.more = {evidence::make_item(evidence::label::models, evidence::encode_models({}))};
  REQUIRE(scene.judge().verdict == Verdict::pass);
}

// The line of one file in an IMA list, as the kernel writes it in ascii; PCR 10 is extended with
// it.
std::string run_file(Scene& scene, bool violation = false) {
  const std::string path("/usr/bin/served");
  const Sha256 content = sha256(as_bytes("served"));
  Bytes data;
  append_u32_le(data, 40);
  append(data, as_bytes(std::string_view("sha256:\0", 8)));
  append(data, content);
  append_u32_le(data, static_cast<std::uint32_t>(path.size() + 1));
  append(data, as_bytes(path));
  data.push_back(std::byte{0});
  const Bytes listed = violation ? Bytes(20) : digest(HashAlgorithm::sha1, data);
  scene.node.tpm.extend(
      10, violation ? Bytes(32, std::byte{0xff}) : digest(HashAlgorithm::sha256, data));
  scene.node.quoted.insert(10);
  const std::string line =
      "10 " + to_hex(listed) + " ima-ng sha256:" + to_hex(content) + " " + path + "\n";
  scene.node.more = {evidence::make_item(evidence::label::ima, as_bytes(line))};
  return line;
}

ImaList list_of(const std::string& digests) {
  const std::string text = R"({"meta":{"version":1},"digests":{)" + digests + "}}";
  return {sha256(as_bytes(text)), must(tpm::ImaAllowList::parse(text))};
}

const std::string served = "\"/usr/bin/served\":[\"" + to_hex(sha256(as_bytes("served"))) + "\"]";

TEST_CASE("an IMA list that PCR 10 vouches for passes, and nobody says its files may run") {
  Scene scene = good_scene();
  run_file(scene);
  scene.policy.ima = Need::required;
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::pass);
  REQUIRE(std::ranges::any_of(appraisal.ear.not_checked, [](const std::string& line) {
    return contains(line, "which files may run");
  }));
}

TEST_CASE("where the policy asks for an IMA list, none is incomplete and a wrong one refused") {
  Scene without = good_scene();
  without.policy.ima = Need::required;
  const auto missing = only_failure(without.judge());
  REQUIRE(missing.name == "ima.list");
  REQUIRE(missing.outcome == Verdict::incomplete);
  Scene scene = good_scene();
  run_file(scene);
  scene.policy.ima = Need::required;
  scene.node.tpm.extend(10, Bytes(32));
  const auto wrong = only_failure(scene.judge());
  REQUIRE(wrong.name == "ima.list");
  REQUIRE(wrong.outcome == Verdict::refused);
  scene.policy.ima = Need::any;
  REQUIRE(scene.judge().verdict == Verdict::pass);
}

TEST_CASE("a violation is refused unless the policy allows it") {
  Scene scene = good_scene();
  run_file(scene, true);
  scene.policy.ima = Need::required;
  REQUIRE(only_failure(scene.judge()).name == "ima.violations");
  scene.policy.ima_allow_violations = true;
  REQUIRE(scene.judge().verdict == Verdict::pass);
}

// The node was judged, and is asked with what the verifier now knows of its list.
void ask_again(Scene& scene) {
  scene.previous = scene.judge().memory;
  scene.node.known_ima = scene.previous->ima;
  scene.node.issue();
  scene.node.tpm.clock.clock += 100;
}

void send_rest(Scene& scene, const std::string& lines) {
  scene.node.more = {evidence::make_item(evidence::label::ima_rest, as_bytes(lines))};
}

TEST_CASE("of a list that was judged before, the node sends what follows") {
  Scene scene = good_scene();
  scene.policy.ima = Need::required;
  run_file(scene);
  REQUIRE_FALSE(scene.node.known_ima);
  ask_again(scene);
  REQUIRE(scene.node.known_ima->entries == 1);
  SECTION("nothing does") {
    send_rest(scene, "");
    const Appraisal appraisal = scene.judge();
    REQUIRE(appraisal.verdict == Verdict::pass);
    REQUIRE(appraisal.memory->ima->entries == 1);
  }
  SECTION("more files ran, twice over") {
    for (const std::uint64_t entries : {2U, 3U}) {
      send_rest(scene, run_file(scene));
      const Appraisal appraisal = scene.judge();
      REQUIRE(appraisal.verdict == Verdict::pass);
      REQUIRE(appraisal.memory->ima->entries == entries);
      ask_again(scene);
    }
  }
  SECTION("an entry is kept back") {
    run_file(scene);
    send_rest(scene, "");
    REQUIRE(only_failure(scene.judge()).name == "ima.list");
  }
  SECTION("the machine was booted since") {
    scene.node.tpm.clock.reset_count += 1;
    send_rest(scene, "");
    const auto check = only_failure(scene.judge());
    REQUIRE(check.name == "ima.list");
    REQUIRE(contains(check.why, "a boot that is over"));
  }
  SECTION("the policy is another one now") {
    send_rest(scene, "");
    scene.policy.digest = sha256(as_bytes("the next policy's text"));
    scene.enter_policy("the next policy's text");
    const auto check = only_failure(scene.judge());
    REQUIRE(check.name == "ima.list");
    REQUIRE(check.outcome == Verdict::incomplete);
    REQUIRE(contains(check.why, "another policy"));
  }
  SECTION("the challenge says nothing of a list") {
    scene.node.known_ima.reset();
    scene.node.issue();
    send_rest(scene, run_file(scene));
    REQUIRE(only_failure(scene.judge()).name == "ima.list");
  }
}

TEST_CASE("what was not found good is judged again, until the next boot") {
  Scene scene = good_scene();
  scene.policy.ima = Need::required;
  run_file(scene);
  ask_again(scene);
  send_rest(scene, run_file(scene, true));
  const Appraisal appraisal = scene.judge();
  REQUIRE(only_failure(appraisal).name == "ima.violations");
  REQUIRE(appraisal.memory->ima->entries == 1);
  scene.previous = appraisal.memory;
  scene.node.tpm.reset();
  scene.node.tpm.boot(true, test::good_boot_loader);
  const std::string line = run_file(scene);
  REQUIRE(scene.judge().verdict == Verdict::pass);
  REQUIRE(scene.judge().memory->ima->entries == 1);
  REQUIRE(scene.judge().memory->ima->reset_count == scene.node.tpm.clock.reset_count);
}

TEST_CASE("what firmware measured and changed without a reboot is refused until the next boot") {
  Scene scene = good_scene();
  scene.policy.required_pcrs = {0, 7};  // so that PCR 4 is nobody else's to judge
  scene.policy.event_log = Need::any;
  scene.policy.secure_boot = Need::any;
  scene.node.with_log = false;
  scene.previous = scene.judge().memory;
  scene.node.tpm.extend(4, Bytes(32));
  for (int i = 0; i < 2; ++i) {
    scene.node.tpm.clock.clock += 100;
    const Appraisal appraisal = scene.judge();
    const auto check = only_failure(appraisal);
    REQUIRE(check.name == "boot.runtime");
    REQUIRE(contains(check.why, "PCR 4 changed without a reboot"));
    scene.previous = appraisal.memory;
  }
  scene.node.tpm.reset();
  scene.node.tpm.boot(true, test::good_boot_loader);
  const Appraisal after = scene.judge();
  REQUIRE(after.verdict == Verdict::pass);
  REQUIRE(contains(after.since_last, "rebooted"));
}

TEST_CASE("the TPM's firmware does not change without a reset") {
  Scene scene = good_scene();
  scene.previous = scene.judge().memory;
  REQUIRE(scene.judge().since_last.empty());
  scene.previous->firmware_version += 1;
  const auto check = only_failure(scene.judge());
  REQUIRE(check.name == "node.clock");
  REQUIRE(contains(check.why, "without a reset"));
  scene.node.tpm.clock.reset_count += 1;
  REQUIRE(scene.judge().verdict == Verdict::pass);
  REQUIRE(contains(scene.judge().since_last, "the TPM's firmware was updated"));
}

TEST_CASE("files are judged by the very list the policy names") {
  Scene scene = good_scene();
  run_file(scene);
  const ImaList good = list_of(served);
  const ImaList empty = list_of("");
  scene.policy.ima_allow_list = good.digest;
  const auto missing = only_failure(scene.judge());
  REQUIRE(missing.name == "ima.files");
  REQUIRE(missing.outcome == Verdict::incomplete);
  scene.ima_list = &empty;
  REQUIRE(only_failure(scene.judge()).outcome == Verdict::incomplete);
  scene.ima_list = &good;
  REQUIRE(scene.judge().verdict == Verdict::pass);
  scene.policy.ima_allow_list = empty.digest;
  scene.ima_list = &empty;
  const auto unknown = only_failure(scene.judge());
  REQUIRE(unknown.outcome == Verdict::refused);
  REQUIRE(contains(unknown.why, "/usr/bin/served"));
}

TEST_CASE("a list of files counts where a reference value of the platform names it") {
  Scene scene = good_scene();
  run_file(scene);
  const ImaList good = list_of(served);
  scene.ima_list = &good;
  scene.policy.ima_list_by_reference = true;
  const auto unnamed = only_failure(scene.judge());
  REQUIRE(unnamed.name == "ima.files");
  REQUIRE(unnamed.outcome == Verdict::incomplete);
  reference::ReferenceValues values{"files", "another-board", "files", {}, {}, {}};
  values.ima_lists = {{to_bytes(ByteView(good.digest)), ""}};
  scene.know(values);
  REQUIRE(only_failure(scene.judge()).outcome == Verdict::incomplete);
  values.platform = "board";
  const std::uint64_t index = scene.know(values);
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::pass);
  REQUIRE(std::ranges::count(appraisal.ear.reference_values, index) == 1);
  scene.ima_list = nullptr;
  REQUIRE(only_failure(scene.judge()).name == "ima.files");
}

TEST_CASE("what nobody looked at is said") {
  Scene scene = good_scene();
  scene.node.more = {evidence::make_item(evidence::label::ima, as_bytes("list")),
                     {"gpu/0", "application/x", to_bytes("report")}};
  const Appraisal appraisal = scene.judge();
  REQUIRE(appraisal.verdict == Verdict::pass);
  REQUIRE(contains(appraisal.ear.not_checked[0], "gpu/0"));
  REQUIRE(contains(appraisal.ear.not_checked[1], "ima"));
}
