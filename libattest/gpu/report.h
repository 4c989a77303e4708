// NVIDIA attestation reports: an SPDM 1.1 GET_MEASUREMENTS request (DMTF DSP0274 section 10.11.1)
// and its MEASUREMENTS response, one after the other, as NVML gives them for Hopper and Blackwell
// GPUs and for LS10 NVSwitches. All integers are little-endian; the signature is r ‖ s, big-endian.
//
// Parse, then verify (report_verification.h), then compare (comparison.h). Plain values, usable
// from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/gpu/opaque_data.h"

namespace attest::gpu {

// Measurement is one block. Blocks are numbered from 1; RIM files number the same values from 0.
struct Measurement {
  std::uint8_t index = 0;
  std::uint8_t type = 0;  // DMTFSpecMeasurementValueType
  Bytes value;
};

struct UntrustedReport {
  std::array<std::byte, 32> nonce{};            // the requester's
  std::array<std::byte, 32> responder_nonce{};  // the device's
  std::uint8_t slot = 0;                        // certificate slot that was asked to sign
  std::vector<Measurement> measurements;        // block i has index i + 1
  OpaqueData opaque;
  Bytes signed_bytes;  // request and response up to the signature
  Bytes signature;     // 96 bytes
  // Bytes behind the signature that are there only to make the length even; 0 or 1.
  std::size_t padding = 0;

  DeviceKind kind() const { return kind_of(opaque); }
};

// parse_report reads a report strictly, and refuses
//   - a request or response of another SPDM version or code, or a request for something else than
//     all measurements, signed (rules::report_header);
//   - blocks that are not numbered 1 to n, are no DMTF measurements, or whose lengths disagree with
//     each other or with the record's (rules::report_blocks);
//   - opaque data that does not parse (opaque_data.h), or reaches past the end;
//   - fewer bytes than the lengths say (rules::report_truncated), or more (rules::report_trailing).
// One zero byte behind the signature is taken where the report carries an opaque version and is of
// even length with it: drivers from 580 on round the length up.
Result<UntrustedReport> parse_report(ByteView bytes);

// report_bytes gives the bytes of a report file, which may be raw, or hexadecimal or base64 text
// with white space.
Result<Bytes> report_bytes(ByteView file);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule report_header{"gpu.report.header"};
inline constexpr Rule report_blocks{"gpu.report.blocks"};
inline constexpr Rule report_truncated{"gpu.report.truncated"};
inline constexpr Rule report_trailing{"gpu.report.trailing"};
inline constexpr Rule report_encoding{"gpu.report.encoding"};
}  // namespace attest::rules
