#include "libattest/tee/tdx_collateral.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/tee/pck_certificate.h"

namespace attest::tee {

namespace {

constexpr std::array<std::string_view, 7> status_names = {"UpToDate",
                                                          "SWHardeningNeeded",
                                                          "ConfigurationNeeded",
                                                          "ConfigurationAndSWHardeningNeeded",
                                                          "OutOfDate",
                                                          "OutOfDateConfigurationNeeded",
                                                          "Revoked"};

Error form(std::string what) {
  return refused(rules::collateral_form, std::move(what));
}

// The end of the JSON value that begins at `at`, in text that was parsed before.
std::size_t value_end(std::string_view text, std::size_t at) {
  int depth = 0;
  bool in_string = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at + 1;
    }
  }
  return text.size();
}

// The signature covers the object as it was sent, so its bytes are taken and not written anew. The
// member comes first in every answer of Intel's service, and must.
Result<std::string> signed_part(std::string_view text, std::string_view member) {
  const auto skip_space = [&](std::size_t at) {
    while (at < text.size() && std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos)
      ++at;
    return at;
  };
  const std::string quoted = "\"" + std::string(member) + "\"";
  const std::size_t open = skip_space(0);
  const std::size_t name = skip_space(open + 1);
  const std::size_t colon = skip_space(name + quoted.size());
  const std::size_t value = skip_space(colon + 1);
  if (name + quoted.size() > text.size() || text.substr(name, quoted.size()) != quoted ||
      value >= text.size() || text[value] != '{')
    return fail(form("the signed member does not come first").expected(quoted));
  return std::string(text.substr(value, value_end(text, value) - value));
}

Result<Bytes> hex_field(JsonFields& fields, std::string_view name, std::size_t size) {
  TRY(const std::string text, fields.text(name));
  TRY_WITHIN(name, Bytes bytes, from_hex(text));
  if (bytes.size() != size)
    return fail(form(std::string(name) + " has the wrong length")
                    .expected(std::to_string(size) + " bytes")
                    .found(std::to_string(bytes.size())));
  return bytes;
}

Result<MaskedBytes> masked_field(JsonFields& fields, const std::string& name, std::size_t size) {
  MaskedBytes masked;
  TRY(masked.value, hex_field(fields, name, size));
  TRY(masked.mask, hex_field(fields, name + "Mask", size));
  return masked;
}

template <typename Integer>
Result<Integer> small(JsonFields& fields, std::string_view name) {
  TRY(const std::uint64_t value, fields.unsigned_integer(name));
  if (value > std::numeric_limits<Integer>::max())
    return fail(form(std::string(name) + " is too large").found(std::to_string(value)));
  return static_cast<Integer>(value);
}

Result<std::vector<std::string>> advisories_of(JsonFields& fields) {
  std::vector<std::string> advisories;
  const Json* ids = fields.optional("advisoryIDs");
  if (ids == nullptr) return advisories;
  if (!ids->is_array()) return fail(form("advisoryIDs is no array"));
  for (const Json& id : *ids) {
    if (!id.is_string()) return fail(form("an advisory id is no text"));
    advisories.push_back(printable(id.get<std::string>(), 64));
  }
  return advisories;
}

template <typename Level>
Status read_status(JsonFields& fields, Level& level) {
  TRY(const std::string status, fields.text("tcbStatus"));
  TRY(level.status, parse_tcb_status(status));
  TRY(const std::string date, fields.text("tcbDate"));
  level.date = printable(date, 32);
  TRY(level.advisories, advisories_of(fields));
  return {};
}

Result<std::vector<IsvLevel>> isv_levels(JsonFields& fields) {
  std::vector<IsvLevel> levels;
  TRY(const Json* const array, fields.array("tcbLevels"));
  for (const Json& each : *array) {
    TRY(JsonFields level_fields, JsonFields::of(each, "tcbLevels"));
    TRY(const Json* const tcb, level_fields.object("tcb"));
    TRY(JsonFields tcb_fields, JsonFields::of(*tcb, "tcb"));
    IsvLevel level;
    TRY(level.isv_svn, small<std::uint16_t>(tcb_fields, "isvsvn"));
    TRY_VOID(read_status(level_fields, level));
    levels.push_back(std::move(level));
  }
  return levels;
}

Result<std::array<std::uint8_t, 16>> components(JsonFields& fields, std::string_view name) {
  TRY(const Json* const array, fields.array(name));
  std::array<std::uint8_t, 16> found{};
  if (array->size() != found.size())
    return fail(form(std::string(name) + " has the wrong length")
                    .expected("16")
                    .found(std::to_string(array->size())));
  for (std::size_t i = 0; i < found.size(); ++i) {
    TRY(JsonFields each, JsonFields::of((*array)[i], std::string(name)));
    TRY(found[i], small<std::uint8_t>(each, "svn"));
  }
  return found;
}

Result<TdxModuleIdentity> module_of(const Json& json, bool named) {
  TRY(JsonFields fields, JsonFields::of(json, "TDX module"));
  TdxModuleIdentity module;
  TRY(module.mrsigner, hex_field(fields, "mrsigner", 48));
  TRY(module.attributes.value, hex_field(fields, "attributes", 8));
  TRY(module.attributes.mask, hex_field(fields, "attributesMask", 8));
  if (!named) return module;
  TRY(module.id, fields.text("id"));
  TRY(module.levels, isv_levels(fields));
  return module;
}

Result<PlatformLevel> platform_level(const Json& json) {
  TRY(JsonFields fields, JsonFields::of(json, "tcbLevels"));
  TRY(const Json* const tcb, fields.object("tcb"));
  TRY(JsonFields tcb_fields, JsonFields::of(*tcb, "tcb"));
  PlatformLevel level;
  TRY(level.sgx, components(tcb_fields, "sgxtcbcomponents"));
  TRY(level.tdx, components(tcb_fields, "tdxtcbcomponents"));
  TRY(level.pce_svn, small<std::uint16_t>(tcb_fields, "pcesvn"));
  TRY_VOID(read_status(fields, level));
  return level;
}

Result<Time> date_field(JsonFields& fields, std::string_view name) {
  TRY(const std::string text, fields.text(name));
  TRY_WITHIN(name, const Time time, parse_time(text));
  return time;
}

Status expect_kind(JsonFields& fields, std::string_view id, std::uint64_t version) {
  TRY(const std::string found, fields.text("id"));
  TRY(const std::uint64_t number, fields.unsigned_integer("version"));
  if (found == id && number == version) return {};
  return fail(form("collateral of another kind or version")
                  .expected(std::string(id) + ", version " + std::to_string(version))
                  .found(printable(found, 40) + ", version " + std::to_string(number)));
}

// The parsed answer, what is signed in it, and its signature.
struct Opened {
  Json json;
  SignedJson signed_json;
};

Result<Opened> open(std::string_view text, const std::string& member) {
  Opened opened;
  TRY(opened.json, parse_json(text, {.size = 4U << 20, .depth = 16}));
  TRY(JsonFields fields, JsonFields::of(opened.json, member));
  TRY(const Json* const object, fields.object(member));
  TRY(opened.signed_json.signature, hex_field(fields, "signature", 64));
  TRY_VOID(fields.finish());
  TRY(opened.signed_json.body, signed_part(text, member));
  TRY(JsonFields dates, JsonFields::of(*object, member));
  TRY(opened.signed_json.issue_date, date_field(dates, "issueDate"));
  TRY(opened.signed_json.next_update, date_field(dates, "nextUpdate"));
  return opened;
}

Status verify_signed(const SignedJson& json, std::string_view what,
                     const CollateralRules& collateral_rules) {
  std::optional<Error> last;
  for (const Certificate& certificate : collateral_rules.certificates) {
    if (!has_common_name(certificate, tcb_signer_name)) continue;
    TRY(const PublicKey key, certificate.public_key());
    const Status held = key.verify(SignatureScheme::ecdsa_sha256, as_bytes(json.body),
                                   json.signature, EcdsaForm::fixed);
    if (!held) {
      last = refused(rules::collateral_signature,
                     "the signature of the " + std::string(what) + " does not hold")
                 .within(certificate.subject());
      continue;
    }
    TRY_VOID(verify_chain(certificate, collateral_rules.certificates, collateral_rules.roots,
                          {.at = collateral_rules.at, .crls = collateral_rules.crls}));
    last.reset();
    if (collateral_rules.at < json.issue_date || collateral_rules.at > json.next_update)
      return fail(
          incomplete(rules::collateral_time, "the " + std::string(what) + " is not in its time")
              .expected("a time from " + to_rfc3339(json.issue_date) + " to " +
                        to_rfc3339(json.next_update))
              .found(to_rfc3339(collateral_rules.at))
              .next("fetch the present one, or verify with --at"));
    return {};
  }
  if (last) return fail(*std::move(last));
  return fail(incomplete(rules::collateral_signer,
                         "the certificate that signs the " + std::string(what) + " is not here")
                  .expected(std::string(tcb_signer_name))
                  .next("put the issuer chain that came with it beside it, in PEM"));
}

}  // namespace

std::string_view to_string(TcbStatus status) {
  return status_names[static_cast<std::size_t>(status)];
}

Result<TcbStatus> parse_tcb_status(std::string_view text) {
  const auto* found = std::ranges::find(status_names, text);
  if (found == status_names.end())
    return fail(form("this TCB status is not known").found("\"" + printable(text, 60) + "\""));
  return static_cast<TcbStatus>(found - status_names.begin());
}

bool MaskedBytes::matches(ByteView found) const {
  if (found.size() != value.size()) return false;
  for (std::size_t i = 0; i < found.size(); ++i)
    if ((found[i] & mask[i]) != (value[i] & mask[i])) return false;
  return true;
}

Result<UntrustedTcbInfo> parse_tcb_info(std::string_view json) {
  TRY(Opened opened, open(json, "tcbInfo"));
  TRY(JsonFields fields, JsonFields::of(opened.json["tcbInfo"], "tcbInfo"));
  TRY_VOID(expect_kind(fields, "TDX", 3));
  TcbInfo info;
  TRY(info.fmspc, hex_field(fields, "fmspc", 6));
  TRY(info.pce_id, hex_field(fields, "pceId", 2));
  TRY(info.evaluation_number, fields.unsigned_integer("tcbEvaluationDataNumber"));
  TRY(const Json* const module, fields.object("tdxModule"));
  TRY(info.module, module_of(*module, false));
  if (const Json* modules = fields.optional("tdxModuleIdentities")) {
    if (!modules->is_array()) return fail(form("tdxModuleIdentities is no array"));
    for (const Json& each : *modules) {
      TRY(TdxModuleIdentity identity, module_of(each, true));
      info.modules.push_back(std::move(identity));
    }
  }
  TRY(const Json* const levels, fields.array("tcbLevels"));
  for (const Json& each : *levels) {
    TRY(PlatformLevel level, platform_level(each));
    info.levels.push_back(std::move(level));
  }
  return UntrustedTcbInfo{std::move(opened.signed_json), std::move(info)};
}

Result<UntrustedQeIdentity> parse_qe_identity(std::string_view json) {
  TRY(Opened opened, open(json, "enclaveIdentity"));
  TRY(JsonFields fields, JsonFields::of(opened.json["enclaveIdentity"], "enclaveIdentity"));
  TRY_VOID(expect_kind(fields, "TD_QE", 2));
  QeIdentity identity;
  TRY(identity.misc_select, masked_field(fields, "miscselect", 4));
  TRY(identity.attributes, masked_field(fields, "attributes", 16));
  TRY(identity.mrsigner, hex_field(fields, "mrsigner", 32));
  TRY(identity.isv_prod_id, small<std::uint16_t>(fields, "isvprodid"));
  TRY(identity.evaluation_number, fields.unsigned_integer("tcbEvaluationDataNumber"));
  TRY(identity.levels, isv_levels(fields));
  return UntrustedQeIdentity{std::move(opened.signed_json), std::move(identity)};
}

Result<VerifiedTcbInfo> verify_tcb_info(const UntrustedTcbInfo& untrusted,
                                        const CollateralRules& collateral_rules) {
  TRY_VOID(verify_signed(untrusted.signed_json, "TCB info", collateral_rules));
  return VerifiedTcbInfo(untrusted.info, untrusted.signed_json.issue_date);
}

Result<VerifiedQeIdentity> verify_qe_identity(const UntrustedQeIdentity& untrusted,
                                              const CollateralRules& collateral_rules) {
  TRY_VOID(verify_signed(untrusted.signed_json, "QE identity", collateral_rules));
  return VerifiedQeIdentity(untrusted.identity, untrusted.signed_json.issue_date);
}

}  // namespace attest::tee
