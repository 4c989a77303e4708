#include "libattest/gpu/device_verdict.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;
using result::Verdict;

namespace {

const Time at = from_unix(test::gpu_time);

const test::Vendor& vendor() {
  static const test::Vendor made = test::Vendor::make();
  return made;
}

// A GPU, its report and its RIM files, all of which pass unless a test changes one.
struct Case {
  test::WholeGpu whole = test::whole_gpu();
  test::TestDevice device = vendor().device();
  std::vector<test::RimSpec> rims = {whole.driver, whole.vbios};
  std::optional<Time> rim_time = at;
  std::optional<gpu::Stapled> ocsp = {};

  gpu::DeviceVerdict judge() const {
    std::vector<gpu::CollectedRim> collected;
    for (const test::RimSpec& rim : rims)
      collected.push_back(must(gpu::collect_rim(rim.version, as_bytes(vendor().rim(rim)),
                                                {{vendor().rim_root.certificate}, {}}, rim_time)));
    return gpu::judge_device(
        {must(gpu::parse_report(device.report(whole.report))), device.chain(), whole.report.nonce},
        {{vendor().root.certificate}, {}}, at, {collected, ocsp});
  }
};

const result::Check& check(const gpu::DeviceVerdict& verdict, std::string_view name) {
  const auto found = std::ranges::find(verdict.checks, name, &result::Check::name);
  REQUIRE(found != verdict.checks.end());
  return *found;
}

test::RimValue& value(test::RimSpec& rim, unsigned index) {
  return *std::ranges::find(rim.values, index, &test::RimValue::index);
}

}  // namespace

TEST_CASE("a genuine GPU that runs what its RIM files say passes") {
  const auto verdict = Case().judge();
  REQUIRE(verdict.verdict == Verdict::pass);
  REQUIRE(verdict.rims.size() == 2);
  REQUIRE(verdict.rims[0].matched == 21);
  REQUIRE(verdict.rims[0].active == 21);
  REQUIRE(verdict.rims[1].matched == 20);
}

TEST_CASE("one measurement that differs refuses, and is explained") {
  Case wrong;
  value(wrong.rims[1], 9).alternatives = {Bytes(48), Bytes(48, std::byte{11})};
  test::RimSpec other = wrong.whole.vbios;
  other.version = "96.00.9F.00.02";
  wrong.rims.push_back(other);
  const auto verdict = wrong.judge();
  REQUIRE(verdict.verdict == Verdict::refused);
  REQUIRE(check(verdict, "gpu.measurements.vbios").outcome == Verdict::refused);
  REQUIRE(check(verdict, "gpu.measurements.driver").outcome == Verdict::pass);
  REQUIRE(verdict.rims[1].mismatches.size() == 1);
  const gpu::Mismatch& mismatch = verdict.rims[1].mismatches[0];
  REQUIRE(mismatch.index == 9);
  REQUIRE(mismatch.found == Bytes(48, std::byte{10}));
  REQUIRE(mismatch.nearest == 1);
  REQUIRE(mismatch.differing_bits == 48);
  REQUIRE(mismatch.would_match == std::vector<std::string>{"VBIOS RIM GH100 96.00.9F.00.02"});
}

TEST_CASE("a RIM for another version explains, and makes nothing acceptable") {
  Case swapped;
  swapped.rims[0].version = "550.54.15";
  const auto verdict = swapped.judge();
  REQUIRE(verdict.verdict == Verdict::refused);
  REQUIRE(check(verdict, "gpu.rim.version").found == "driver RIM GH100 550.54.15");
}

TEST_CASE("a missing RIM is incomplete, never a pass") {
  Case missing;
  missing.rims.erase(missing.rims.begin());
  const auto verdict = missing.judge();
  REQUIRE(verdict.verdict == Verdict::incomplete);
  REQUIRE(verdict.missing.at(0).id == "NV_GPU_DRIVER_GH100_550.90.07");
  missing.rims.clear();
  REQUIRE(missing.judge().missing.at(1).id == "NV_GPU_VBIOS_1010_0200_882_96009F0001");
}

TEST_CASE("what differs while a RIM is missing is listed, and the verdict stays incomplete") {
  Case missing;
  missing.rims.erase(missing.rims.begin());
  value(missing.rims[0], 9).alternatives = {Bytes(48)};
  const auto verdict = missing.judge();
  REQUIRE(verdict.verdict == Verdict::incomplete);
  REQUIRE(verdict.rims.at(0).mismatches.size() == 1);
}

TEST_CASE("a RIM whose time is not known is incomplete") {
  Case timeless;
  timeless.rim_time.reset();
  REQUIRE(timeless.judge().verdict == Verdict::incomplete);
}

TEST_CASE("inactive values do not count") {
  Case inactive;
  value(inactive.rims[1], 9).active = false;
  value(inactive.rims[1], 9).alternatives = {Bytes(48)};
  const auto verdict = inactive.judge();
  REQUIRE(verdict.verdict == Verdict::pass);
  REQUIRE(verdict.rims[1].active == 19);
}

TEST_CASE("an active value of zeros must really be zeros") {
  Case zeros;
  value(zeros.rims[1], 9).alternatives = {Bytes(48)};
  REQUIRE(zeros.judge().verdict == Verdict::refused);
  zeros.whole.report.blocks[9] = Bytes(48);
  REQUIRE(zeros.judge().verdict == Verdict::pass);
}

TEST_CASE("driver and VBIOS RIM must not speak of one measurement") {
  Case both;
  both.rims[0].values.push_back(value(both.rims[1], 9));
  const auto verdict = both.judge();
  REQUIRE(verdict.verdict == Verdict::refused);
  REQUIRE(check(verdict, "gpu.rim.overlap").found == "index 9");
}

TEST_CASE("a golden value of another size than the measurement's is a mismatch") {
  Case sized;
  value(sized.rims[1], 9).alternatives = {Bytes(32, std::byte{10})};
  REQUIRE(sized.judge().verdict == Verdict::refused);
}

TEST_CASE("a golden value for which there is no block is a mismatch") {
  Case beyond;
  beyond.rims[0].values.push_back({41, {Bytes(48)}});
  const auto verdict = beyond.judge();
  REQUIRE(verdict.verdict == Verdict::refused);
  REQUIRE_FALSE(verdict.rims[0].mismatches.at(0).found);
}

TEST_CASE("NVDEC0's measurement is judged only while NVDEC0 is on") {
  Case off;
  value(off.rims[0], 35).alternatives = {Bytes(48)};
  const auto verdict = off.judge();
  REQUIRE(verdict.verdict == Verdict::pass);
  REQUIRE(verdict.rims[0].skipped == 1);
  Case on = off;
  on.whole.report.opaque[2].second = *from_hex("aa");
  REQUIRE(on.judge().verdict == Verdict::refused);
}

TEST_CASE("a chain or report that does not verify ends the judgement") {
  Case foreign;
  foreign.device = test::Vendor::make("GH100", "Other").device();
  const auto verdict = foreign.judge();
  REQUIRE(verdict.verdict == Verdict::refused);
  REQUIRE_FALSE(verdict.report);
  Case mixed;
  mixed.device.line[0] = vendor().device().line[0];
  REQUIRE(mixed.judge().verdict == Verdict::refused);
}

TEST_CASE("OCSP that is asked about must be there for each certificate") {
  Case stapled;
  stapled.ocsp = gpu::Stapled{{}, at};
  REQUIRE(stapled.judge().verdict == Verdict::incomplete);
  const auto add = [&](std::size_t index, const test::OcspSpec& spec) {
    const auto& line = stapled.device.line;
    stapled.ocsp->responses.push_back(must(gpu::OcspResponse::parse(
        test::ocsp(line[index].certificate, line[index + 1].certificate, line[index + 1], spec))));
  };
  add(1, {});
  add(2, {});
  REQUIRE(stapled.judge().verdict == Verdict::incomplete);
  add(3, {});
  REQUIRE(stapled.judge().verdict == Verdict::pass);
  stapled.ocsp->rims_too = true;
  REQUIRE(stapled.judge().verdict == Verdict::incomplete);
  stapled.ocsp->rims_too = false;
  stapled.ocsp->responses.pop_back();
  add(3, {.revoked = true});
  REQUIRE(stapled.judge().verdict == Verdict::refused);
}

TEST_CASE("a Blackwell GPU asks for its driver RIM by the newer name") {
  Case blackwell;
  blackwell.device = vendor().device({.chip = "GB100", .tcb_info = true});
  REQUIRE(blackwell.judge().verdict == Verdict::refused);
  blackwell.rims.clear();
  const auto verdict = blackwell.judge();
  REQUIRE(verdict.missing.at(0).id == "NV_GPU_CC_DRIVER_GB100_550.90.07");
}
