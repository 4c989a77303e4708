// How attestctl shows devices that were judged: in lines, and the same under stable keys.
#pragma once

#include <span>
#include <string>

#include "cli/report.h"
#include "libattest/gpu/device_verdict.h"

namespace attest::cli {

Outcome outcome_of(result::Verdict verdict);

OrderedJson to_json(const result::Check& check);
OrderedJson to_json(const gpu::RimComparison& comparison);
OrderedJson to_json(const gpu::DeviceVerdict& verdict);
// claims_of gives what a verified report claims, each with the level of trust it rests on.
OrderedJson claims_of(const gpu::VerifiedReport& report);

// describe adds a device's lines: who it is, what it runs, what passed, and what did not and why.
void describe(Report& report, const gpu::DeviceVerdict& verdict);
void describe(Report& report, std::span<const result::Check> checks);

}  // namespace attest::cli
