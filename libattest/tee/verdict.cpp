#include "libattest/tee/verdict.h"

#include <algorithm>

#include "libattest/tee/roots.h"

namespace attest::tee {

namespace {

constexpr std::size_t report_data_size = 64;

std::vector<Certificate> roots_of(const Collateral& collateral, const TeeRules& tee_rules) {
  std::vector<Certificate> roots = known_roots(collateral.certificates);
  roots.insert(roots.end(), tee_rules.roots.begin(), tee_rules.roots.end());
  return roots;
}

// A CRL that is missing or old says nothing against a certificate: what else can be checked is
// checked without CRLs, and that finding stands beside it.
template <typename Verified, typename Rules>
std::optional<Verified> verified(Result<Verified> (*verify)(ByteView, const Rules&),
                                 ByteView evidence, Rules evidence_rules, TeeVerdict& verdict) {
  Result<Verified> first = verify(evidence, evidence_rules);
  if (first) {
    verdict.passed.emplace_back(evidence_rules.crls.empty()
                                    ? "chain to a known root"
                                    : "chain to a known root, none revoked");
    return *std::move(first);
  }
  const bool only_crl =
      first.error().rule == rules::chain_crl && first.error().kind == ErrorKind::incomplete;
  verdict.findings.push_back(std::move(first).error());
  if (!only_crl) return {};
  evidence_rules.crls.clear();
  evidence_rules.require_crl = false;
  Result<Verified> again = verify(evidence, evidence_rules);
  if (again) {
    verdict.passed.emplace_back("chain to a known root");
    return *std::move(again);
  }
  verdict.findings.push_back(std::move(again).error());
  return {};
}

void check_policy(bool debug, ByteView report_data, const TeeRules& tee_rules,
                  TeeVerdict& verdict) {
  if (debug && !tee_rules.allow_debug)
    verdict.findings.push_back(
        refused(rules::tee_debug, "the guest may be debugged: its host can read and write it")
            .next("start it without debug, or allow it with --allow-debug"));
  else if (debug)
    verdict.passed.emplace_back("debug is on, which was allowed");
  else
    verdict.passed.emplace_back("debug is off");
  if (!tee_rules.report_data) {
    verdict.not_checked.emplace_back("report data: no value to compare with was given");
    return;
  }
  Bytes wanted = *tee_rules.report_data;
  wanted.resize(std::max(wanted.size(), report_data_size));
  if (equal(wanted, report_data))
    verdict.passed.emplace_back("report data is the one asked for");
  else
    verdict.findings.push_back(
        refused(rules::tee_report_data_differs, "the report was made for something else")
            .expected(to_hex(wanted))
            .found(to_hex(report_data)));
}

void check_guest(const Measured& measured, const TeeRules& tee_rules, TeeVerdict& verdict) {
  if (tee_rules.reference_values.empty()) {
    verdict.not_checked.emplace_back("what runs in the guest: no reference values were given");
    return;
  }
  const auto met = check_measured(measured, tee_rules.reference_values);
  if (met)
    verdict.passed.push_back("the guest is \"" + tee_rules.reference_values[*met]->description +
                             "\"");
  else
    verdict.findings.push_back(met.error());
}

void judge_snp(ByteView evidence, const Collateral& collateral, const TeeRules& tee_rules,
               TeeVerdict& verdict) {
  verdict.snp = verified(verify_snp_report, evidence,
                         SnpRules{.at = tee_rules.at,
                                  .roots = roots_of(collateral, tee_rules),
                                  .certificates = collateral.certificates,
                                  .crls = collateral.crls,
                                  .require_crl = tee_rules.require_crl},
                         verdict);
  if (!verdict.snp) return;
  const auto& report = *verdict.snp;
  verdict.passed.push_back("signature by the chip's " + std::string(to_string(report->signer)) +
                           ", of " + report.certificate().product);
  verdict.passed.push_back("certificate and report agree on the TCB: " + report.tcb().to_string());
  if (report->signer == SnpSigner::vcek)
    verdict.passed.emplace_back("certificate and report agree on the chip");
  check_policy(report->policy.debug(), report->report_data, tee_rules, verdict);
  if (collateral.crls.empty()) verdict.not_checked.emplace_back("revocation: no CRL was given");
  check_guest(measured_by(report), tee_rules, verdict);
}

template <typename Untrusted, typename Verify>
auto first_verified(const std::vector<Untrusted>& all, Verify verify, std::string_view what,
                    TeeVerdict& verdict) {
  std::optional<std::decay_t<decltype(*verify(all.front()))>> found;
  std::optional<Error> last;
  for (const Untrusted& each : all) {
    auto result = verify(each);
    if (result) {
      found = *std::move(result);
      return found;
    }
    last = std::move(result).error();
  }
  verdict.findings.push_back(
      last ? *std::move(last)
           : incomplete(rules::tee_no_collateral, "there is no " + std::string(what))
                 .next("put Intel's answer, as it came, with the collateral"));
  return found;
}

void judge_tcb(const Collateral& collateral, const TeeRules& tee_rules, TeeVerdict& verdict) {
  // CRLs that could not be used for the PCK chain are a finding already.
  const bool crls_hold = std::ranges::none_of(
      verdict.findings, [](const Error& each) { return each.rule == rules::chain_crl; });
  const CollateralRules collateral_rules{
      .at = tee_rules.at,
      .roots = roots_of(collateral, tee_rules),
      .certificates = collateral.certificates,
      .crls = crls_hold ? collateral.crls : std::vector<Bytes>{}};
  std::vector<UntrustedTcbInfo> infos;
  for (const UntrustedTcbInfo& each : collateral.tcb_infos)
    if (each.info.fmspc == verdict.tdx->platform().fmspc) infos.push_back(each);
  const auto info = first_verified(
      infos, [&](const UntrustedTcbInfo& each) { return verify_tcb_info(each, collateral_rules); },
      "TCB info for FMSPC " + to_hex(verdict.tdx->platform().fmspc), verdict);
  const auto qe = first_verified(
      collateral.qe_identities,
      [&](const UntrustedQeIdentity& each) { return verify_qe_identity(each, collateral_rules); },
      "QE identity", verdict);
  if (!info || !qe) return;
  verdict.passed.push_back("TCB info and QE identity signed by Intel, evaluation " +
                           std::to_string((*info)->evaluation_number));
  auto tcb = tdx_tcb(*verdict.tdx, *info, *qe);
  if (!tcb) {
    verdict.findings.push_back(std::move(tcb).error());
    return;
  }
  verdict.tdx_tcb = *std::move(tcb);
  const TdxTcb& level = *verdict.tdx_tcb;
  if (tee_rules.accepted.contains(level.status)) {
    verdict.passed.push_back("TCB level " + std::string(to_string(level.status)));
    return;
  }
  std::string advisories;
  for (const std::string& id : level.advisories)
    advisories += (advisories.empty() ? "" : ", ") + id;
  verdict.findings.push_back(
      attest::refused(rules::tee_tcb_status, "the platform's patch level is not good enough")
          .found(std::string(to_string(level.status)) +
                 (advisories.empty() ? "" : " (" + advisories + ")"))
          .next("update microcode, TDX module and quoting enclave"));
}

void judge_tdx(ByteView evidence, const Collateral& collateral, const TeeRules& tee_rules,
               TeeVerdict& verdict) {
  verdict.tdx = verified(verify_tdx_quote, evidence,
                         TdxRules{.at = tee_rules.at,
                                  .roots = roots_of(collateral, tee_rules),
                                  .certificates = collateral.certificates,
                                  .crls = collateral.crls,
                                  .require_crl = true,
                                  .trailing = TrailingBytes::count},
                         verdict);
  if (!verdict.tdx) return;
  verdict.trailing = (*verdict.tdx)->trailing;
  verdict.passed.emplace_back("quote signature");
  verdict.passed.emplace_back("attestation key bound by the quoting enclave's report");
  verdict.passed.emplace_back("quoting enclave's report signed by the platform's PCK");
  check_policy((*verdict.tdx)->body.debug(), (*verdict.tdx)->body.report_data, tee_rules, verdict);
  judge_tcb(collateral, tee_rules, verdict);
  check_guest(measured_by(*verdict.tdx), tee_rules, verdict);
  if (verdict.trailing > 0)
    verdict.not_checked.push_back(std::to_string(verdict.trailing) +
                                  " bytes behind the quote, which nothing signs");
}

}  // namespace

std::string_view to_string(TeeKind kind) {
  return kind == TeeKind::sev_snp ? "sev-snp" : "tdx";
}

Result<TeeKind> recognise(ByteView evidence) {
  ByteReader reader(evidence);
  TRY(const std::uint16_t version, reader.u16_le("version"));
  TRY_VOID(reader.u16_le("key type"));
  TRY(const std::uint32_t type, reader.u32_le("TEE type"));
  if ((version == 4 || version == 5) && type == 0x81) return TeeKind::tdx;
  if (evidence.size() == snp_report_size) return TeeKind::sev_snp;
  return fail(refused(rules::tee_kind, "this is no evidence of a TEE that is known here")
                  .expected("an SNP report of 1184 bytes, or a TDX quote of version 4 or 5")
                  .found(std::to_string(evidence.size()) + " bytes, beginning " +
                         to_hex(evidence.first(8))));
}

bool TeeVerdict::refused() const {
  return std::ranges::any_of(findings,
                             [](const Error& each) { return each.kind == ErrorKind::refused; });
}

TeeVerdict judge_tee(ByteView evidence, const Collateral& collateral, const TeeRules& tee_rules) {
  TeeVerdict verdict;
  const auto kind = recognise(evidence);
  if (!kind) {
    verdict.findings.push_back(kind.error());
    return verdict;
  }
  verdict.kind = *kind;
  if (*kind == TeeKind::sev_snp)
    judge_snp(evidence, collateral, tee_rules, verdict);
  else
    judge_tdx(evidence, collateral, tee_rules, verdict);
  return verdict;
}

Bytes tee_report_data(const Sha256& challenge, const std::vector<Sha256>& gpu_nonces) {
  Hasher nonces;
  for (const Sha256& nonce : gpu_nonces) nonces.update(nonce);
  const Bytes joined = nonces.finish();
  return digest(HashAlgorithm::sha512, concat({as_bytes("attest-tee-v1"), challenge, joined}));
}

}  // namespace attest::tee
