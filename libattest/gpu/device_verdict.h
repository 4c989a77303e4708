// One device, judged: chain, report, revocation, reference values.
//
// judge_device runs the verifying functions of this room in order and turns what they say into
// checks; judge_report does the same for a report verified before, so that chains and RIMs can be
// verified once and kept. Pure; time, roots and collateral are passed in.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libattest/gpu/comparison.h"
#include "libattest/gpu/ocsp.h"
#include "libattest/gpu/report_verification.h"
#include "libattest/result/ear.h"

namespace attest::gpu {

// CollectedRim is a RIM that is at hand: verified, or with the reason why it could not be; or
// golden values that somebody else than the maker vouches for.
struct CollectedRim {
  std::string name;  // file or ledger entry, for findings
  RimContent content;
  std::optional<VerifiedRim> verified;
  std::optional<Error> problem;
  std::optional<std::string> vouched = {};  // by whom: "owner@dc1.example, statement 17"
};

// collect_rim parses and verifies; a file that is no RIM at all is an error.
Result<CollectedRim> collect_rim(std::string name, ByteView bytes, const RootPins& roots,
                                 std::optional<Time> at);

// Stapled is the revocation collateral. Device certificates need a response each, but the leaf,
// which the device itself issued, and the root.
struct Stapled {
  std::vector<OcspResponse> responses;
  Time at;
  bool rims_too = false;  // RIM signers need one each as well
};

struct DeviceCollateral {
  std::span<const CollectedRim> rims;
  std::optional<Stapled> ocsp;       // nothing: revocation is not asked about, and said not to be
  std::span<const Bytes> crls = {};  // DER, of the device's authorities
};

struct DeviceVerdict {
  result::Verdict verdict = result::Verdict::incomplete;
  std::vector<result::Check> checks;  // by rule names, in the order they were made
  std::optional<VerifiedReport> report;
  std::vector<RimComparison> rims;
  std::vector<NeededRim> missing;
  std::vector<std::string> not_checked;
};

// judge_report judges, in this order:
//   - the device's certificates are not revoked, where OCSP is asked about (ocsp.h);
//   - each RIM the report calls for is at hand (gpu.rim.missing: incomplete; one of the same kind
//     for another version is refused, gpu.rim.version), verified, and for the device's chip; where
//     none is verified, golden values that are vouched for stand in, and are called so
//     (gpu.rim.vouched);
//   - the RIMs do not both speak of one measurement (gpu.rim.overlap);
//   - every active golden value matches (gpu.measurements.driver, …vbios, …switch-bios).
// The verdict is refused when any check is, else incomplete when any is, else pass. Measurements
// that differ refuse once all RIMs that the report calls for are there; while one is missing the
// comparison is unfinished: they are listed, and the verdict is incomplete.
DeviceVerdict judge_report(const VerifiedReport& report, const VerifiedDeviceChain& chain,
                           const DeviceCollateral& collateral);

struct DeviceEvidence {
  UntrustedReport report;
  std::vector<Certificate> chain;  // leaf first
  std::optional<Bytes> nonce;      // that was asked with; nothing: not checked
};

// judge_device verifies chain (at `at`) and report first; what fails there ends the judgement.
DeviceVerdict judge_device(const DeviceEvidence& evidence, const RootPins& roots, Time at,
                           const DeviceCollateral& collateral);

// verdict_of gives the worst outcome; incomplete for no checks at all.
result::Verdict verdict_of(std::span<const result::Check> checks);
// check_of makes a check of an error: refused or incomplete, by its rule's name.
result::Check check_of(const Error& error);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule rim_missing{"gpu.rim.missing"};
inline constexpr Rule rim_version{"gpu.rim.version"};
inline constexpr Rule rim_vouched{"gpu.rim.vouched"};
inline constexpr Rule rim_overlap{"gpu.rim.overlap"};
}  // namespace attest::rules
