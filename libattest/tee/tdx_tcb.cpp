#include "libattest/tee/tdx_tcb.h"

#include <algorithm>

namespace attest::tee {

namespace {

std::uint8_t octet(ByteView bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

Error no_level(std::string_view of) {
  return refused(rules::tdx_tcb_level,
                 "the " + std::string(of) + " is below every patch level Intel speaks of");
}

Status check_platform(const PckFields& platform, const TcbInfo& info) {
  if (platform.fmspc == info.fmspc && platform.pce_id == info.pce_id) return {};
  return fail(incomplete(rules::tdx_fmspc, "the TCB info is of another kind of platform")
                  .expected("FMSPC " + to_hex(platform.fmspc) + ", PCE " + to_hex(platform.pce_id))
                  .found("FMSPC " + to_hex(info.fmspc) + ", PCE " + to_hex(info.pce_id))
                  .next("fetch the TCB info of this FMSPC"));
}

const IsvLevel* isv_level(const std::vector<IsvLevel>& levels, unsigned svn) {
  const auto found =
      std::ranges::find_if(levels, [svn](const IsvLevel& level) { return level.isv_svn <= svn; });
  return found == levels.end() ? nullptr : &*found;
}

// The second byte of TEE_TCB_SVN is the module's major version; from 1 on, it has an identity.
Result<const TdxModuleIdentity*> module_of(const TdReport& body, const TcbInfo& info) {
  const TdxModuleIdentity* module = &info.module;
  if (const std::uint8_t major = octet(body.tee_tcb_svn, 1); major > 0) {
    Bytes number;
    append_u8(number, major);
    std::string id = to_hex(number);
    std::ranges::transform(id, id.begin(), [](char c) {
      return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    id.insert(0, "TDX_");
    const auto found = std::ranges::find(info.modules, id, &TdxModuleIdentity::id);
    if (found == info.modules.end())
      return fail(
          refused(rules::tdx_module, "Intel speaks of no TDX module of this version").expected(id));
    module = &*found;
  }
  if (!equal(module->mrsigner, body.mrsignerseam))
    return fail(refused(rules::tdx_module, "the TDX module is signed by somebody else")
                    .expected(to_hex(module->mrsigner))
                    .found(to_hex(body.mrsignerseam)));
  if (!module->attributes.matches(body.seam_attributes))
    return fail(refused(rules::tdx_module, "the TDX module's attributes are not Intel's")
                    .expected(to_hex(module->attributes.value))
                    .found(to_hex(body.seam_attributes)));
  return module;
}

Status check_quoting_enclave(const SgxReport& report, const QeIdentity& qe) {
  const auto wrong = [](std::string what, ByteView expected, ByteView found) {
    return fail(refused(rules::tdx_qe_identity,
                        "the quoting enclave's " + std::move(what) + " is not Intel's")
                    .expected(to_hex(expected))
                    .found(to_hex(found)));
  };
  if (!equal(report.mrsigner, qe.mrsigner)) return wrong("signer", qe.mrsigner, report.mrsigner);
  if (report.isv_prod_id != qe.isv_prod_id)
    return fail(refused(rules::tdx_qe_identity, "the quoting enclave is another product")
                    .expected(std::to_string(qe.isv_prod_id))
                    .found(std::to_string(report.isv_prod_id)));
  if (!qe.attributes.matches(report.attributes))
    return wrong("attributes", qe.attributes.value, report.attributes);
  // Intel writes miscselect as the report has it, byte for byte.
  const ByteView misc = report.bytes.subspan(16, 4);
  if (!qe.misc_select.matches(misc)) return wrong("miscselect", qe.misc_select.value, misc);
  return {};
}

bool at_least(const PlatformLevel& level, const PckFields& platform, const TdReport& body) {
  for (std::size_t i = 0; i < level.sgx.size(); ++i)
    if (platform.components[i] < level.sgx[i]) return false;
  if (platform.pce_svn < level.pce_svn) return false;
  // The first two are the module's own, which its identity judges where it has one.
  const std::size_t first = octet(body.tee_tcb_svn, 1) > 0 ? 2 : 0;
  for (std::size_t i = first; i < level.tdx.size(); ++i)
    if (octet(body.tee_tcb_svn, i) < level.tdx[i]) return false;
  return true;
}

bool needs_configuration(TcbStatus status) {
  return status == TcbStatus::configuration_needed ||
         status == TcbStatus::configuration_and_sw_hardening_needed ||
         status == TcbStatus::out_of_date_configuration_needed;
}

TcbStatus worse(TcbStatus a, TcbStatus b) {
  const TcbStatus worst = std::max(a, b);
  if (worst == TcbStatus::out_of_date && (needs_configuration(a) || needs_configuration(b)))
    return TcbStatus::out_of_date_configuration_needed;
  if (worst == TcbStatus::configuration_needed &&
      (a == TcbStatus::sw_hardening_needed || b == TcbStatus::sw_hardening_needed))
    return TcbStatus::configuration_and_sw_hardening_needed;
  return worst;
}

}  // namespace

Result<TdxTcb> tdx_tcb(const VerifiedTdxQuote& quote, const VerifiedTcbInfo& info,
                       const VerifiedQeIdentity& qe) {
  TRY_VOID(check_platform(quote.platform(), info.value()));
  TRY(const TdxModuleIdentity* const module, module_of(quote->body, info.value()));
  TRY_VOID(check_quoting_enclave(quote->qe_report, qe.value()));

  const auto platform = std::ranges::find_if(info->levels, [&](const PlatformLevel& level) {
    return at_least(level, quote.platform(), quote->body);
  });
  if (platform == info->levels.end()) return fail(no_level("platform"));
  const IsvLevel* const enclave = isv_level(qe->levels, quote->qe_report.isv_svn);
  if (enclave == nullptr) return fail(no_level("quoting enclave"));

  TdxTcb tcb;
  tcb.platform = platform->status;
  tcb.quoting_enclave = enclave->status;
  tcb.date = platform->date;
  tcb.evaluation_number = info->evaluation_number;
  tcb.advisories = platform->advisories;
  tcb.status = worse(platform->status, enclave->status);
  tcb.advisories.insert(tcb.advisories.end(), enclave->advisories.begin(),
                        enclave->advisories.end());
  if (!module->id.empty()) {
    const IsvLevel* const level = isv_level(module->levels, octet(quote->body.tee_tcb_svn, 0));
    if (level == nullptr) return fail(no_level("TDX module"));
    tcb.module = level->status;
    tcb.status = worse(tcb.status, level->status);
    tcb.advisories.insert(tcb.advisories.end(), level->advisories.begin(), level->advisories.end());
  }
  std::ranges::sort(tcb.advisories);
  const auto repeated = std::ranges::unique(tcb.advisories);
  tcb.advisories.erase(repeated.begin(), repeated.end());
  return tcb;
}

}  // namespace attest::tee
