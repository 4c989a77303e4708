#include "libattest/appraisal/policy.h"

#include "libattest/base/text.h"
#include "libattest/base/toml.h"

namespace attest::appraisal {

namespace {

constexpr std::int64_t format_version = 1;
constexpr Seconds longest_quote_age{24 * 3600};
constexpr Seconds longest_result_life{30 * 24 * 3600};

Error wrong(const TomlTable& table, std::string_view key, std::string what, Rule rule) {
  Error error = table.wrong(key, std::move(what));
  error.rule = rule;
  return error;
}

Result<Need> read_need(TomlTable& table, std::string_view key, Need otherwise) {
  TRY(const auto word, table.optional_text(key));
  if (!word) return otherwise;
  if (*word == "required") return Need::required;
  if (*word == "any") return Need::any;
  return fail(wrong(table, key, "is not one of the words it can be", rules::policy_value)
                  .expected("\"required\" or \"any\"")
                  .found("\"" + *word + "\""));
}

Result<Seconds> read_span(TomlTable& table, std::string_view key, Seconds otherwise,
                          Seconds longest) {
  TRY(const auto span, table.optional_span(key));
  if (!span) return otherwise;
  if (*span > Seconds{0} && *span <= longest) return *span;
  return fail(wrong(table, key, "makes no sense as a span", rules::policy_value)
                  .expected("more than zero, at most " + to_words(longest)));
}

Status read_pcrs(TomlTable& root, Policy& policy) {
  TRY(TomlTable pcrs, root.table("pcrs"));
  TRY(const std::string bank, pcrs.text("bank"));
  const auto algorithm = hash_by_name(bank);
  if (!algorithm || *algorithm == HashAlgorithm::sha1)
    return fail(wrong(pcrs, "bank", "is not a bank to rely on", rules::policy_pcrs)
                    .expected("sha256, sha384 or sha512")
                    .found("\"" + bank + "\""));
  policy.bank = *algorithm;
  TRY(const auto indexes, pcrs.optional_integers("required"));
  for (const std::int64_t index : indexes) {
    if (index < 0 || index >= tpm::pcr_count)
      return fail(wrong(pcrs, "required", "names a PCR that does not exist", rules::policy_pcrs)
                      .expected("0 to 23")
                      .found(std::to_string(index)));
    policy.required_pcrs.insert(static_cast<unsigned>(index));
  }
  // Any program may reset PCRs 16 and 23: a policy that asks for these alone asks for nothing.
  if (policy.required_pcrs.without(tpm::resettable_pcrs).empty())
    return fail(wrong(pcrs, "required", "asks for no PCR that means anything", rules::policy_pcrs)
                    .expected("at least one PCR besides 16 and 23"));
  return {};
}

Status read_boot(TomlTable& root, Policy& policy) {
  TRY(auto boot, root.optional_table("boot"));
  if (!boot) return {};
  TRY(policy.secure_boot, read_need(*boot, "secure_boot", Need::required));
  TRY(policy.event_log, read_need(*boot, "event_log", Need::required));
  return {};
}

Status read_ima(TomlTable& root, Policy& policy) {
  TRY(auto ima, root.optional_table("ima"));
  if (!ima) return {};
  TRY(policy.ima, read_need(*ima, "list", Need::any));
  TRY(const auto violations, ima->optional_text("violations"));
  if (violations && *violations != "refused" && *violations != "allowed")
    return fail(wrong(*ima, "violations", "is not one of the words it can be", rules::policy_value)
                    .expected("\"refused\" or \"allowed\"")
                    .found("\"" + *violations + "\""));
  policy.ima_allow_violations = violations == "allowed";
  TRY(const auto allow_list, ima->optional_text("allow_list"));
  if (!allow_list) return {};
  policy.ima_list_by_reference = *allow_list == "reference";
  if (policy.ima_list_by_reference) return {};
  const auto digest = parse_digest_uri(*allow_list);
  if (!digest)
    return fail(wrong(*ima, "allow_list", "is no digest of a list", rules::policy_value)
                    .expected("\"sha256:<64 digits>\", or \"reference\"")
                    .found("\"" + *allow_list + "\""));
  policy.ima_allow_list = *digest;
  return {};
}

Status read_spans(TomlTable& root, Policy& policy) {
  policy.quote_max_age = Seconds{600};
  policy.result_lifetime = Seconds{900};
  TRY(auto quote, root.optional_table("quote"));
  if (quote) {
    TRY(policy.quote_max_age,
        read_span(*quote, "max_age", policy.quote_max_age, longest_quote_age));
  }
  TRY(auto lifetime, root.optional_table("result"));
  if (lifetime) {
    TRY(policy.result_lifetime,
        read_span(*lifetime, "lifetime", policy.result_lifetime, longest_result_life));
  }
  return {};
}

Status read_rest(TomlTable& root, Policy& policy) {
  TRY(auto models, root.optional_table("models"));
  if (models) {
    TRY(policy.models, read_need(*models, "report", Need::any));
  }
  TRY(auto tee, root.optional_table("tee"));
  if (tee) {
    TRY(policy.tee_report, read_need(*tee, "report", Need::any));
    TRY(policy.tee_measurement, read_need(*tee, "measurement", Need::any));
  }
  TRY(auto hardware, root.optional_table("hardware"));
  if (hardware) {
    TRY(const auto require, hardware->optional_boolean("require_manifest"));
    policy.require_manifest = require.value_or(true);
  }
  TRY(auto software, root.optional_table("software_tpm"));
  if (software) {
    TRY(const auto allow, software->optional_boolean("allow"));
    policy.allow_software_tpm = allow.value_or(false);
  }
  return {};
}

Result<Mode> read_mode(TomlTable& table, std::string_view key) {
  TRY(const auto word, table.optional_text(key));
  if (!word || *word == "any") return Mode::any;
  if (*word == "reported") return Mode::reported;
  if (*word == "signed") return Mode::signed_by_device;
  return fail(wrong(table, key, "is not one of the words it can be", rules::policy_value)
                  .expected("\"any\", \"reported\" or \"signed\"")
                  .found("\"" + *word + "\""));
}

Status read_platform(TomlTable& root, PlatformPolicy& policy) {
  TRY(auto table, root.optional_table("machine"));
  if (!table) return {};
  TRY(policy.certificate, read_need(*table, "certificate", Need::any));
  TRY(policy.components, read_need(*table, "components", Need::any));
  return {};
}

Result<std::set<std::string>> read_names(TomlTable& table, std::string_view key) {
  TRY(const auto names, table.optional_texts(key));
  return std::set<std::string>(names.begin(), names.end());
}

Status read_custody(TomlTable& root, CustodyRequirement& policy) {
  TRY(auto table, root.optional_table("custody"));
  if (!table) return {};
  TRY(const auto required, table->optional_texts("required"));
  for (const std::string& name : required) {
    const auto kind = statement::device_kind_by_name(name);
    if (!kind)
      return fail(wrong(*table, "required", "names no kind of device", rules::policy_value)
                      .expected("\"ek\", \"gpu\", \"nvswitch\", \"chip\" or \"platform\"")
                      .found("\"" + printable(name, 40) + "\""));
    policy.required.insert(*kind);
  }
  TRY(policy.rules.holder, table->optional_text("holder"));
  TRY(policy.rules.owner, table->optional_text("owner"));
  TRY(policy.rules.makers, read_names(*table, "makers"));
  TRY(policy.rules.forbidden_parties, read_names(*table, "forbidden_parties"));
  TRY(policy.rules.forbidden_jurisdictions, read_names(*table, "forbidden_jurisdictions"));
  return {};
}

Status read_place(TomlTable& root, CustodyRequirement& policy) {
  TRY(auto table, root.optional_table("place"));
  if (!table) return {};
  TRY(policy.rules.allowed_regions, read_names(*table, "regions"));
  TRY(const Need inspection, read_need(*table, "inspection", Need::any));
  policy.rules.require_inspection = inspection == Need::required;
  const bool asks = !policy.rules.allowed_regions.empty() || policy.rules.require_inspection;
  if (asks && policy.required.empty())
    return fail(wrong(*table, policy.rules.require_inspection ? "inspection" : "regions",
                      "asks where devices are, and only their custody says so", rules::policy_value)
                    .expected("kinds of devices under custody.required")
                    .found("none"));
  return {};
}

Status read_gpu(TomlTable& root, GpuPolicy& policy) {
  TRY(auto gpu, root.optional_table("gpu"));
  if (!gpu) return {};
  TRY(policy.reports, read_need(*gpu, "reports", Need::any));
  TRY(policy.revocation, read_need(*gpu, "revocation", Need::any));
  TRY(policy.confidential, read_mode(*gpu, "confidential"));
  TRY(const auto devtools, gpu->optional_boolean("allow_devtools"));
  policy.allow_devtools = devtools.value_or(false);
  TRY(policy.minimum_vbios, gpu->optional_text("minimum_vbios"));
  TRY(policy.minimum_driver, gpu->optional_text("minimum_driver"));
  return {};
}

}  // namespace

Result<Policy> parse_policy(std::string_view text, std::string file_name) {
  TRY(TomlTable root, parse_toml(text, std::move(file_name)));
  TRY(const std::int64_t version, root.integer("version"));
  if (version != format_version)
    return fail(wrong(root, "version", "is one this program does not know", rules::policy_version)
                    .expected(std::to_string(format_version))
                    .found(std::to_string(version)));
  Policy policy;
  policy.digest = sha256(as_bytes(text));
  TRY(policy.name, root.text("name"));
  TRY(policy.platform, root.text("platform"));
  TRY(const auto revision, root.optional_integer("revision"));
  if (revision && *revision < 1)
    return fail(wrong(root, "revision", "is no revision", rules::policy_value)
                    .expected("1 or more")
                    .found(std::to_string(*revision)));
  policy.revision = revision.value_or(0);
  TRY_VOID(read_pcrs(root, policy));
  TRY_VOID(read_boot(root, policy));
  TRY_VOID(read_ima(root, policy));
  TRY_VOID(read_spans(root, policy));
  TRY_VOID(read_rest(root, policy));
  TRY_VOID(read_gpu(root, policy.gpu));
  TRY_VOID(read_platform(root, policy.machine));
  TRY_VOID(read_custody(root, policy.custody));
  TRY_VOID(read_place(root, policy.custody));
  TRY_VOID(root.finish());
  return policy;
}

}  // namespace attest::appraisal
