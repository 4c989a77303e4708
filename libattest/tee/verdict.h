// A verdict on one piece of TEE evidence: everything that held, and everything that did not or
// could not be told, so that a person sees how far the checks came.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "libattest/tee/collateral.h"
#include "libattest/tee/measurements.h"
#include "libattest/tee/snp_verification.h"
#include "libattest/tee/tdx_tcb.h"

namespace attest::tee {

enum class TeeKind { sev_snp, tdx };
std::string_view to_string(TeeKind kind);  // "sev-snp", "tdx"

// recognise tells the two apart by size and header; anything else is refused.
Result<TeeKind> recognise(ByteView evidence);

struct TeeRules {
  Time at;
  std::vector<Certificate> roots;  // believed beside those of roots.h
  // What the 64 bytes of report data must be; shorter values are padded with zeros, as firmware
  // does.
  std::optional<Bytes> report_data = {};
  // What a good guest measures; empty: the measurements are not judged.
  std::vector<const reference::DeviceValues*> reference_values = {};
  bool allow_debug = false;
  bool require_crl = false;  // for TDX a missing CRL is incomplete in any case
  std::set<TcbStatus> accepted = {TcbStatus::up_to_date, TcbStatus::sw_hardening_needed,
                                  TcbStatus::configuration_needed,
                                  TcbStatus::configuration_and_sw_hardening_needed};
};

// TeeVerdict passes when `findings` is empty. A refused finding outweighs an incomplete one.
struct TeeVerdict {
  TeeKind kind = TeeKind::sev_snp;
  std::vector<std::string> passed;       // what held, in the order it was checked
  std::vector<Error> findings;           // what did not, or could not be told
  std::vector<std::string> not_checked;  // what nobody asked for
  std::optional<VerifiedSnpReport> snp;
  std::optional<VerifiedTdxQuote> tdx;
  std::optional<TdxTcb> tdx_tcb;
  std::size_t trailing = 0;  // bytes behind the quote, which nothing signs

  bool pass() const { return findings.empty(); }
  bool refused() const;
};

// judge_tee verifies evidence with the collateral given, and then holds it to the rules: debug,
// report data, measurements, and for TDX the patch level. An authority's CRL that is missing or out
// of its time leaves the other checks standing and the verdict incomplete.
TeeVerdict judge_tee(ByteView evidence, const Collateral& collateral, const TeeRules& rules);

// tee_report_data is what an agent asks of its TEE: SHA-512 of "attest-tee-v1", SHA-256 of the
// verifier's challenge, and SHA-256 of the nonces that the GPUs of this evidence answered to, in
// the order of their labels. So a report of this TEE is worth nothing beside other GPUs' answers.
Bytes tee_report_data(const Sha256& challenge, const std::vector<Sha256>& gpu_nonces);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule tee_kind{"tee.kind"};
inline constexpr Rule tee_debug{"tee.debug"};
inline constexpr Rule tee_report_data_differs{"tee.report-data"};
inline constexpr Rule tee_tcb_status{"tee.tcb-status"};
inline constexpr Rule tee_no_collateral{"tee.no-collateral"};
}  // namespace attest::rules
