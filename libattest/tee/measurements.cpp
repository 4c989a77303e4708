#include "libattest/tee/measurements.h"

#include "libattest/base/text.h"

namespace attest::tee {

namespace {

constexpr const char* snp_start = "snp/measurement";
constexpr const char* tdx_start = "tdx/mrtd";

std::string shown(const reference::KnownDigest& known) {
  return to_hex(known.digest) + (known.name.empty() ? "" : " (" + printable(known.name, 80) + ")");
}

std::unexpected<Error> not_met(const reference::DeviceValues& nearest,
                               const std::vector<reference::ValueDifference>& differences) {
  const reference::ValueDifference& first = differences.front();
  std::string expected;
  for (const reference::KnownDigest& each : first.acceptable)
    expected += (expected.empty() ? "" : " or ") + shown(each);
  return fail(refused(rules::tee_measurement, first.name + " is not what \"" +
                                                  printable(nearest.description, 80) +
                                                  "\" says, nor what others do")
                  .expected(expected)
                  .found(first.found.empty() ? "not measured" : to_hex(first.found)));
}

}  // namespace

Measured measured_by(const VerifiedSnpReport& report) {
  return {{snp_start, to_bytes(report->measurement)}};
}

Measured measured_by(const VerifiedTdxQuote& quote) {
  Measured measured = {{tdx_start, to_bytes(quote->body.mrtd)},
                       {"tdx/mrseam", to_bytes(quote->body.mrseam)}};
  std::size_t number = 0;
  for (const ByteView rtmr : quote->body.rtmr)
    measured["tdx/rtmr" + std::to_string(number++)] = to_bytes(rtmr);
  return measured;
}

Result<std::size_t> check_measured(const Measured& measured,
                                   std::span<const reference::DeviceValues* const> values) {
  const std::string start = measured.contains(snp_start) ? snp_start : tdx_start;
  const reference::DeviceValues* nearest = nullptr;
  std::vector<reference::ValueDifference> least;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]->values.contains(start)) continue;
    auto differences = reference::differences(*values[i], measured);
    if (differences.empty()) return i;
    if (nearest != nullptr && differences.size() >= least.size()) continue;
    nearest = values[i];
    least = std::move(differences);
  }
  if (nearest != nullptr) return not_met(*nearest, least);
  return fail(incomplete(rules::tee_no_reference, "nobody says what this guest should be")
                  .expected("a reference value for " + start)
                  .found("none")
                  .next("make one of a good guest with: attestctl tee reference"));
}

}  // namespace attest::tee
