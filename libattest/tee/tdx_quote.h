// Intel TDX quotes, versions 4 and 5 (Intel, "TDX DCAP Quoting Library API", appendix A.3 and A.4):
// ECDSA P-256 with SHA-256, certified by a PCK chain. Little-endian.
//
// parse_tdx_quote checks form; verify_tdx_quote (tdx_verification.h) checks signatures and
// bindings. Pure functions; values may be used from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::tee {

// SgxReport is the body of an SGX enclave's report (384 bytes), here the quoting enclave's.
struct SgxReport {
  ByteView bytes;
  ByteView cpu_svn;  // 16
  std::uint32_t misc_select = 0;
  ByteView attributes;  // 16
  ByteView mrenclave;   // 32
  ByteView mrsigner;    // 32
  std::uint16_t isv_prod_id = 0;
  std::uint16_t isv_svn = 0;
  ByteView report_data;  // 64
};

// TdReport is the body of a trust domain's report.
struct TdReport {
  ByteView tee_tcb_svn;      // 16: module SVN, module major version, and so on
  ByteView mrseam;           // 48, of the TDX module
  ByteView mrsignerseam;     // 48
  ByteView seam_attributes;  // 8
  ByteView attributes;       // 8; bit 0 of the first byte: debug
  ByteView xfam;             // 8
  ByteView mrtd;             // 48
  ByteView mrconfigid;       // 48
  ByteView mrowner;          // 48
  ByteView mrownerconfig;    // 48
  std::array<ByteView, 4> rtmr;
  ByteView report_data;                 // 64
  std::optional<ByteView> mrservicetd;  // TDX 1.5

  bool debug() const { return (attributes[0] & std::byte{1}) != std::byte{}; }
};

// UntrustedTdxQuote borrows the bytes given to parse_tdx_quote.
struct UntrustedTdxQuote {
  std::uint16_t version = 0;
  TdReport body;
  ByteView user_data;  // 20 bytes of the header
  ByteView signed_bytes;
  ByteView signature;        // r ‖ s
  ByteView attestation_key;  // x ‖ y, P-256
  SgxReport qe_report;
  ByteView qe_report_signature;  // r ‖ s
  ByteView qe_authentication_data;
  ByteView pck_chain;        // PEM, leaf first
  std::size_t trailing = 0;  // bytes behind the quote, which nothing signs
};

// What to do with bytes behind the quote's declared end: buffers are often larger than the quote.
enum class TrailingBytes { refuse, count };

// parse_tdx_quote checks: version 4 or 5, TEE type TDX, key type ECDSA P-256, body of type TD 1.0
// (584 bytes) or TD 1.5 (648), every length against what is there, certification data of type 6
// (QE report) holding type 5 (PCK chain in PEM), and nothing left over.
Result<UntrustedTdxQuote> parse_tdx_quote(ByteView bytes,
                                          TrailingBytes trailing = TrailingBytes::refuse);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule tdx_version{"tee.tdx.version"};
inline constexpr Rule tdx_type{"tee.tdx.type"};
inline constexpr Rule tdx_body{"tee.tdx.body"};
inline constexpr Rule tdx_length{"tee.tdx.length"};
inline constexpr Rule tdx_certification{"tee.tdx.certification"};
}  // namespace attest::rules
