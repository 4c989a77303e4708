// Golden values by the word of others than the maker, where the maker published no RIM.
#include "libattest/gpu/golden_reference.h"

#include <algorithm>

#include "libattest/gpu/device_verdict.h"
#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;
using result::Verdict;

namespace {

const Time at = from_unix(test::gpu_time);
const std::string driver_id = "NV_GPU_DRIVER_GH100_550.90.07";
const std::string vbios_id = "NV_GPU_VBIOS_1010_0200_882_96009F0001";

const test::Vendor& vendor() {
  static const test::Vendor made = test::Vendor::make();
  return made;
}

// The values of a RIM, in the other form.
reference::DeviceValues values_of(const test::RimSpec& rim, const std::string& id) {
  reference::DeviceValues values{id, id, "as delivered", {}};
  for (const test::RimValue& each : rim.values)
    for (const Bytes& alternative : each.alternatives)
      values.values["golden/" + std::to_string(each.index)].push_back({alternative, ""});
  return values;
}

struct Case {
  test::WholeGpu whole = test::whole_gpu();
  test::TestDevice device = vendor().device();
  std::vector<gpu::CollectedRim> rims;

  void vouch(const reference::DeviceValues& values) {
    rims.push_back({"file", must(gpu::golden_values(values)), {}, {}, "owner@example"});
  }
  void add_rim(const test::RimSpec& rim, std::optional<Time> time) {
    rims.push_back(must(gpu::collect_rim(rim.version, as_bytes(vendor().rim(rim)),
                                         {{vendor().rim_root.certificate}, {}}, time)));
  }
  gpu::VerifiedReport report() const {
    const auto chain =
        must(gpu::verify_device_chain(device.chain(), {{vendor().root.certificate}, {}}, at));
    return must(
        gpu::verify_report(must(gpu::parse_report(device.report(whole.report))), chain, {}));
  }
  gpu::DeviceVerdict judge() const {
    return gpu::judge_device(
        {must(gpu::parse_report(device.report(whole.report))), device.chain(), whole.report.nonce},
        {{vendor().root.certificate}, {}}, at, {rims, {}});
  }
};

bool has(const gpu::DeviceVerdict& verdict, Rule rule) {
  return std::ranges::find(verdict.checks, rule.name, &result::Check::name) != verdict.checks.end();
}

}  // namespace

TEST_CASE("a GPU passes by vouched values, and it is said that its maker did not sign them") {
  Case gpu;
  gpu.vouch(values_of(gpu.whole.driver, driver_id));
  gpu.vouch(values_of(gpu.whole.vbios, vbios_id));
  const auto verdict = gpu.judge();
  REQUIRE(verdict.verdict == Verdict::pass);
  REQUIRE(verdict.rims.at(0).matched == 21);
  REQUIRE(has(verdict, rules::rim_vouched));
  REQUIRE_FALSE(has(verdict, rules::rim_signature));
}

TEST_CASE(
    "a measurement that vouched values do not know is refused, and a missing set incomplete") {
  Case gpu;
  gpu.vouch(values_of(gpu.whole.driver, driver_id));
  REQUIRE(gpu.judge().verdict == Verdict::incomplete);
  gpu.vouch(values_of(gpu.whole.vbios, vbios_id));
  gpu.whole.report.blocks[9] = Bytes(48, std::byte{0xEE});
  REQUIRE(gpu.judge().verdict == Verdict::refused);
}

TEST_CASE("values under the id of another version make nothing acceptable") {
  Case gpu;
  gpu.vouch(values_of(gpu.whole.driver, "NV_GPU_DRIVER_GH100_550.90.08"));
  gpu.vouch(values_of(gpu.whole.vbios, vbios_id));
  REQUIRE(gpu.judge().verdict == Verdict::refused);
}

TEST_CASE("the maker's RIM comes first where it can be judged, and vouched values where not") {
  Case gpu;
  gpu.vouch(values_of(gpu.whole.driver, driver_id));
  gpu.add_rim(gpu.whole.driver, {});  // without a time
  gpu.vouch(values_of(gpu.whole.vbios, vbios_id));
  gpu.add_rim(gpu.whole.vbios, at);
  const auto verdict = gpu.judge();
  REQUIRE(verdict.verdict == Verdict::pass);
  REQUIRE(std::ranges::count(verdict.checks, rules::rim_vouched.name, &result::Check::name) == 1);
  REQUIRE(std::ranges::count(verdict.checks, rules::rim_signature.name, &result::Check::name) == 1);
}

TEST_CASE("values that are made of a good device's report are met by it") {
  Case gpu;
  std::vector<unsigned> driver;
  std::vector<unsigned> vbios;
  for (const auto& each : gpu.whole.driver.values) driver.push_back(each.index);
  for (const auto& each : gpu.whole.vbios.values) vbios.push_back(each.index);
  const auto report = gpu.report();
  const auto made =
      must(gpu::make_golden_reference(report, gpu::RimKind::driver, driver, "as delivered"));
  REQUIRE(made.name == driver_id);
  gpu.vouch(must(reference::parse_device_values(must(reference::encode_device_values(made)))));
  gpu.vouch(must(gpu::make_golden_reference(report, gpu::RimKind::vbios, vbios, "as delivered")));
  REQUIRE(gpu.judge().verdict == Verdict::pass);
  const std::vector<unsigned> beyond = {200};
  REQUIRE_RULE(gpu::make_golden_reference(report, gpu::RimKind::vbios, beyond, "x"),
               rules::golden_reference_form);
  REQUIRE_RULE(gpu::make_golden_reference(report, gpu::RimKind::switch_bios, vbios, "x"),
               rules::golden_reference_form);
}

TEST_CASE("what is no golden reference is refused") {
  const test::WholeGpu whole = test::whole_gpu();
  REQUIRE_RULE(gpu::golden_values(values_of(whole.driver, "board")), rules::golden_reference_form);
  for (const char* name : {"snp/measurement", "golden/", "golden/01", "golden/256", "golden/1x"}) {
    reference::DeviceValues values = values_of(whole.driver, driver_id);
    values.values[name] = {{Bytes(48), ""}};
    INFO(name);
    REQUIRE_RULE(gpu::golden_values(values), rules::golden_reference_form);
  }
  reference::DeviceValues sizes = values_of(whole.driver, driver_id);
  sizes.values["golden/7"].push_back({Bytes(32), ""});
  REQUIRE_RULE(gpu::golden_values(sizes), rules::golden_reference_form);
}
