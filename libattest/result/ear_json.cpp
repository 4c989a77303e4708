#include <algorithm>
#include <array>
#include <limits>

#include "libattest/base/text.h"
#include "libattest/result/ear_claims.h"
#include "libattest/result/ear_claims_set.h"

namespace attest::result {

namespace {

constexpr std::int64_t last_second = 253402300799;  // the end of the year 9999
constexpr std::string_view place = "EAR";

constexpr std::array<std::string_view, 16> known_claims{"eat_profile",
                                                        "iat",
                                                        "exp",
                                                        "eat_nonce",
                                                        "ear.verifier-id",
                                                        "ear.raw-evidence",
                                                        "iss",
                                                        "sub",
                                                        "jti",
                                                        "cnf",
                                                        "submods",
                                                        "attest.executable",
                                                        "attest.checks",
                                                        "attest.not_checked",
                                                        "attest.reference_values",
                                                        "attest.verdict"};
constexpr std::array<std::string_view, 4> known_submod_claims{
    "ear.status", "ear.trustworthiness-vector", "ear.appraisal-policy-id", "attest.trust-level"};

Error form_error(std::string what) {
  return refused(rules::ear_form, std::move(what)).within(place);
}

template <typename Enum, std::size_t n>
std::optional<Enum> by_name(const std::string& name, const std::array<Enum, n>& all) {
  for (const Enum candidate : all)
    if (to_string(candidate) == name) return candidate;
  return std::nullopt;
}
constexpr std::array all_tiers{Tier::none, Tier::affirming, Tier::warning, Tier::contraindicated};
constexpr std::array all_levels{TrustLevel::hardware_signed, TrustLevel::tpm_measured,
                                TrustLevel::host_reported};
constexpr std::array all_verdicts{Verdict::pass, Verdict::refused, Verdict::incomplete};
constexpr std::array all_claims{TrustClaim::instance_identity, TrustClaim::configuration,
                                TrustClaim::executables,       TrustClaim::file_system,
                                TrustClaim::hardware,          TrustClaim::runtime_opaque,
                                TrustClaim::storage_opaque,    TrustClaim::sourced_data};

template <typename Enum, std::size_t n>
Result<Enum> read_word(const Json& value, const std::array<Enum, n>& all, std::string_view what) {
  if (value.is_string())
    if (const auto found = by_name(value.get<std::string>(), all)) return *found;
  return fail(form_error(std::string(what) + " is not one of the words it can be")
                  .found(printable(to_line(value), 60)));
}

Result<Time> read_time(const Json& value, std::string_view name) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() <= static_cast<std::uint64_t>(last_second))
    return from_unix(static_cast<std::int64_t>(value.get<std::uint64_t>()));
  return fail(form_error("\"" + std::string(name) + "\" is not a time in whole seconds"));
}

Result<Bytes> read_base64url(const Json& value, std::string_view name) {
  if (value.is_string())
    if (auto bytes = from_base64url(value.get<std::string>())) return *std::move(bytes);
  return fail(form_error("\"" + std::string(name) + "\" is not base64url"));
}

Result<TrustVector> read_vector(const Json& value) {
  if (!value.is_object()) return fail(form_error("a trustworthiness vector is not an object"));
  TrustVector vector;
  for (const auto& [name, member] : value.items()) {
    const auto claim = by_name(name, all_claims);
    if (!claim)
      return fail(form_error("a trustworthiness vector has a claim AR4SI does not define")
                      .found("\"" + printable(name, 40) + "\""));
    const bool fits = member.is_number_integer() &&
                      (member.is_number_unsigned() ? member.get<std::uint64_t>() <= 127
                                                   : member.get<std::int64_t>() >= -128);
    if (!fits)
      return fail(refused(rules::ear_value, "a trustworthiness value is out of range")
                      .expected("-128 to 127")
                      .found(printable(to_line(member), 40))
                      .within(name)
                      .within(place));
    vector.set(*claim, static_cast<std::int8_t>(member.get<std::int64_t>()));
  }
  return vector;
}

// A status may say less than its vector does, never something better (EAR section 3.2): a reader
// that looks at the status alone must not be misled.
Status check_status(Tier status, Tier vector) {
  const bool modest = status == Tier::none && vector == Tier::affirming;
  if (status >= vector || modest) return {};
  return fail(refused(rules::ear_status, "a status is better than its trustworthiness vector")
                  .expected(std::string(to_string(vector)) + " or worse")
                  .found(std::string(to_string(status)))
                  .within(place));
}

std::vector<std::string> unknown_names(const Json& object,
                                       std::span<const std::string_view> known) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items())
    if (std::ranges::find(known, name) == known.end()) names.push_back(name);
  return names;
}

Result<Submod> read_submod(const std::string& name, const Json& value) {
  const std::string what = "submod \"" + printable(name, 40) + "\"";
  TRY(auto fields, JsonFields::of(value, what));
  Submod submod;
  TRY(const Json* status, fields.required("ear.status"));
  TRY(submod.status, read_word(*status, all_tiers, "ear.status"));
  if (const Json* vector = fields.optional("ear.trustworthiness-vector")) {
    TRY(submod.vector, read_vector(*vector));
    TRY_VOID(check_status(submod.status, submod.vector.tier()));
  }
  if (fields.optional("ear.appraisal-policy-id")) {
    TRY(submod.policy_id, fields.text("ear.appraisal-policy-id"));
  }
  if (const Json* level = fields.optional("attest.trust-level")) {
    TRY(submod.trust_level, read_word(*level, all_levels, "attest.trust-level"));
  }
  submod.other_claims = unknown_names(value, known_submod_claims);
  return submod;
}

Status read_submods(JsonFields& fields, Ear& ear) {
  TRY(const Json* submods, fields.object("submods"));
  if (submods->empty()) return fail(form_error("there is no submod"));
  for (const auto& [name, value] : submods->items()) {
    TRY(Submod submod, read_submod(name, value));
    ear.submods.emplace(name, std::move(submod));
  }
  return {};
}

Result<Check> read_check(const Json& value) {
  TRY(auto fields, JsonFields::of(value, "attest.checks"));
  Check check;
  TRY(check.name, fields.text("name"));
  TRY(const Json* outcome, fields.required("outcome"));
  TRY(check.outcome, read_word(*outcome, all_verdicts, "outcome"));
  TRY(check.expected, fields.text("expected"));
  TRY(check.found, fields.text("found"));
  TRY(check.why, fields.text("why"));
  TRY_VOID(fields.finish());
  return check;
}

Status read_standard(JsonFields& fields, Ear& ear) {
  TRY(ear.profile, fields.text("eat_profile"));
  TRY(const Json* issued, fields.required("iat"));
  TRY(ear.issued_at, read_time(*issued, "iat"));
  if (const Json* expires = fields.optional("exp")) {
    TRY(ear.expires, read_time(*expires, "exp"));
  }
  if (const Json* nonce = fields.optional("eat_nonce")) {
    TRY(ear.nonce, read_base64url(*nonce, "eat_nonce"));
  }
  if (const Json* evidence = fields.optional("ear.raw-evidence")) {
    TRY(ear.raw_evidence, read_base64url(*evidence, "ear.raw-evidence"));
  }
  TRY(const Json* verifier, fields.object("ear.verifier-id"));
  TRY(auto id, JsonFields::of(*verifier, "ear.verifier-id"));
  TRY(ear.verifier_id.build, id.text("build"));
  TRY(ear.verifier_id.developer, id.text("developer"));
  TRY_VOID(id.finish());
  for (const auto& [name, to] :
       {std::pair("iss", &ear.issuer), std::pair("sub", &ear.subject), std::pair("jti", &ear.id)}) {
    if (!fields.optional(name)) continue;
    TRY(*to, fields.text(name));
  }
  return {};
}

// The key claim of RFC 7800 has no member for a bare SPKI digest, so a `cnf` of another kind is
// somebody else's and is left alone.
Status read_runtime(JsonFields& fields, Ear& ear) {
  if (const Json* confirmation = fields.optional("cnf");
      confirmation && confirmation->is_object() && confirmation->contains("jkt-spki")) {
    TRY(auto members, JsonFields::of(*confirmation, "cnf"));
    TRY(const std::string thumbprint, members.text("jkt-spki"));
    TRY(ear.runtime_key, parse_digest_uri("sha256:" + thumbprint));
    TRY_VOID(members.finish());
  }
  if (fields.optional("attest.executable")) {
    TRY(const std::string executable, fields.text("attest.executable"));
    TRY(ear.executable, parse_digest_uri(executable));
  }
  return {};
}

Status read_judgement(JsonFields& fields, Ear& ear) {
  if (fields.optional("attest.checks")) {
    TRY(const Json* checks, fields.array("attest.checks"));
    for (const Json& value : *checks) {
      TRY(Check check, read_check(value));
      ear.checks.push_back(std::move(check));
    }
  }
  if (fields.optional("attest.not_checked")) {
    TRY(const Json* list, fields.array("attest.not_checked"));
    for (const Json& value : *list) {
      if (!value.is_string()) return fail(form_error("attest.not_checked holds more than text"));
      ear.not_checked.push_back(value.get<std::string>());
    }
  }
  if (fields.optional("attest.reference_values")) {
    TRY(const Json* list, fields.array("attest.reference_values"));
    for (const Json& value : *list) {
      if (!value.is_number_unsigned())
        return fail(form_error("attest.reference_values holds more than ledger indexes"));
      ear.reference_values.push_back(value.get<std::uint64_t>());
    }
  }
  if (const Json* verdict = fields.optional("attest.verdict")) {
    TRY(ear.verdict, read_word(*verdict, all_verdicts, "attest.verdict"));
  }
  return {};
}

Status check_own_profile(const Ear& ear) {
  const auto missing = [](std::string_view claim) {
    return fail(refused(rules::ear_own_profile, "a claim of our profile is missing or impossible")
                    .expected(std::string(claim))
                    .within(place));
  };
  if (!ear.expires || *ear.expires <= ear.issued_at) return missing("exp, later than iat");
  if (!ear.nonce || ear.nonce->size() != 32) return missing("eat_nonce of 32 bytes");
  if (ear.issuer.empty()) return missing("iss");
  if (ear.subject.empty()) return missing("sub");
  if (!parse_digest_uri("sha256:" + ear.id)) return missing("jti, the digest of the evidence");
  if (!ear.verdict) return missing("attest.verdict");
  return {};
}

Status check_verdict(const Ear& ear) {
  if (ear.verdict != Verdict::pass) return {};
  const auto failed = std::ranges::find_if(
      ear.checks, [](const Check& check) { return check.outcome != Verdict::pass; });
  if (failed != ear.checks.end())
    return fail(
        refused(rules::ear_verdict, "the verdict is pass though a check did not pass")
            .found(printable(failed->name, 60) + ": " + std::string(to_string(failed->outcome)))
            .within(place));
  if (ear.overall() == Tier::contraindicated)
    return fail(
        refused(rules::ear_verdict, "the verdict is pass though a submod is contraindicated")
            .within(place));
  return {};
}

Json submod_of(const Submod& submod) {
  Json object{{"ear.status", to_string(submod.status)}};
  if (!submod.vector.empty()) {
    Json vector = Json::object();
    for (const TrustClaim claim : all_claims)
      if (const auto value = submod.vector.get(claim)) vector[to_string(claim)] = *value;
    object["ear.trustworthiness-vector"] = std::move(vector);
  }
  if (!submod.policy_id.empty()) object["ear.appraisal-policy-id"] = submod.policy_id;
  if (submod.trust_level) object["attest.trust-level"] = to_string(*submod.trust_level);
  return object;
}

void write_judgement(const Ear& ear, Json& claims) {
  if (!ear.verdict) return;
  claims["attest.verdict"] = to_string(*ear.verdict);
  claims["attest.not_checked"] = ear.not_checked;
  claims["attest.reference_values"] = ear.reference_values;
  Json checks = Json::array();
  for (const Check& check : ear.checks)
    checks.push_back({{"name", check.name},
                      {"outcome", to_string(check.outcome)},
                      {"expected", check.expected},
                      {"found", check.found},
                      {"why", check.why}});
  claims["attest.checks"] = std::move(checks);
}

}  // namespace

Json claims_of(const Ear& ear) {
  Json claims{{"eat_profile", ear.profile},
              {"iat", unix_seconds(ear.issued_at)},
              {"ear.verifier-id",
               {{"build", ear.verifier_id.build}, {"developer", ear.verifier_id.developer}}}};
  if (ear.expires) claims["exp"] = unix_seconds(*ear.expires);
  if (ear.nonce) claims["eat_nonce"] = to_base64url(*ear.nonce);
  if (ear.raw_evidence) claims["ear.raw-evidence"] = to_base64url(*ear.raw_evidence);
  if (!ear.issuer.empty()) claims["iss"] = ear.issuer;
  if (!ear.subject.empty()) claims["sub"] = ear.subject;
  if (!ear.id.empty()) claims["jti"] = ear.id;
  if (ear.runtime_key) claims["cnf"] = {{"jkt-spki", to_hex(*ear.runtime_key)}};
  if (ear.executable) claims["attest.executable"] = digest_uri(*ear.executable);
  Json submods = Json::object();
  for (const auto& [name, submod] : ear.submods) submods[name] = submod_of(submod);
  claims["submods"] = std::move(submods);
  write_judgement(ear, claims);
  return claims;
}

namespace {
Result<Ear> read_members(const Json& claims) {
  TRY(auto fields, JsonFields::of(claims, "claims"));
  Ear ear;
  TRY_VOID(read_standard(fields, ear));
  TRY_VOID(read_runtime(fields, ear));
  TRY_VOID(read_submods(fields, ear));
  TRY_VOID(read_judgement(fields, ear));
  ear.other_claims = unknown_names(claims, known_claims);
  return ear;
}
}  // namespace

Result<Ear> read_claims(const Json& claims) {
  auto ear = read_members(claims);
  if (!ear) {
    Error error = std::move(ear).error();
    if (error.rule == rules::json_schema || error.rule == rules::digest_form) {
      error.rule = rules::ear_form;
      error.within(place);
    }
    return fail(std::move(error));
  }
  if (ear->profile == ear_profile) TRY_VOID(check_own_profile(*ear));
  TRY_VOID(check_verdict(*ear));
  return ear;
}

std::string to_json(const Ear& ear) {
  return to_line(claims_of(ear));
}

Result<Ear> parse_ear_json(std::string_view text) {
  auto claims = parse_json(text, JsonLimits{ear_size_limit, 16});
  if (claims) return read_claims(*claims);
  Error error = std::move(claims).error();
  error.rule = rules::ear_form;
  return fail(std::move(error).within(place));
}

}  // namespace attest::result
