#include "libattest/lineage/policy.h"

#include "libattest/base/toml.h"
#include "libattest/statement/subject.h"

namespace attest::lineage {

namespace {

using Texts = std::optional<Asked<std::vector<std::string>>>;

// An empty list would forbid everything, or nothing: nobody means either, so it is refused.
Result<Texts> texts(TomlTable& table, std::string_view key) {
  if (!table.has(key)) return std::nullopt;
  TRY(std::vector<std::string> values, table.texts(key));
  if (values.empty()) return fail(table.wrong(key, "is an empty list; leave the key out instead"));
  return Asked<std::vector<std::string>>{std::move(values), table.place(key)};
}

// A list whose members must be of a kind; `known` gives what is wrong with one, or nothing.
Status each_is(TomlTable& table, std::string_view key, const Texts& asked,
               bool (*known)(std::string_view), const std::string& wanted) {
  if (!asked) return {};
  for (const std::string& value : asked->value)
    if (!known(value))
      return fail(table.wrong(key, "holds \"" + value + "\", which is not " + wanted));
  return {};
}

bool is_artefact(std::string_view text) {
  const auto subject = statement::Subject::parse(text);
  return subject && subject->kind() == statement::SubjectKind::artefact;
}

bool is_required_kind(std::string_view text) {
  return text == "data-set" || text == "training-run";
}

Result<std::vector<DescentRule>> descent_rules(TomlTable& root) {
  std::vector<DescentRule> rules;
  TRY(std::vector<TomlTable> tables, root.tables("descent"));
  for (TomlTable& table : tables) {
    DescentRule rule;
    TRY(rule.from, table.text("from"));
    TRY(rule.to, table.texts("to"));
    rule.place = table.place();
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<std::vector<PlacementRule>> placement_rules(TomlTable& root) {
  std::vector<PlacementRule> rules;
  TRY(std::vector<TomlTable> tables, root.tables("placement"));
  for (TomlTable& table : tables) {
    PlacementRule rule;
    TRY(rule.jurisdiction, table.text("jurisdiction"));
    TRY(rule.regions, table.texts("regions"));
    rule.place = table.place();
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<std::optional<Asked<result::TrustLevel>>> trust_level(TomlTable& root) {
  constexpr std::string_view key = "training_hardware";
  TRY(const auto text, root.optional_text(key));
  if (!text) return std::nullopt;
  for (const auto level : {result::TrustLevel::hardware_signed, result::TrustLevel::tpm_measured,
                           result::TrustLevel::host_reported})
    if (*text == to_string(level)) return Asked<result::TrustLevel>{level, root.place(key)};
  return fail(root.wrong(key, "is not a trust level")
                  .expected("hardware-signed, tpm-measured or host-reported"));
}

// What asks for statements beyond the releases themselves.
Status read_statement_rules(TomlTable& root, ReleasePolicy& policy) {
  TRY(policy.descends_from, texts(root, "descends_from"));
  TRY_VOID(each_is(root, "descends_from", policy.descends_from, is_artefact, "sha256:…"));
  TRY(policy.never_from, texts(root, "never_from"));
  TRY_VOID(each_is(root, "never_from", policy.never_from, is_artefact, "sha256:…"));
  TRY(policy.jurisdictions, texts(root, "jurisdictions"));
  TRY(policy.statements, texts(root, "required_statements"));
  TRY_VOID(each_is(root, "required_statements", policy.statements, is_required_kind,
                   "\"data-set\" or \"training-run\""));
  TRY(policy.witnesses, texts(root, "witnesses"));
  TRY(policy.training_hardware, trust_level(root));
  TRY(policy.descent, descent_rules(root));
  TRY(policy.placement, placement_rules(root));
  return {};
}

}  // namespace

Result<ReleasePolicy> parse_release_policy(std::string_view text, std::string name) {
  TRY(TomlTable root, parse_toml(text, std::move(name)));
  TRY(const std::int64_t version, root.integer("version"));
  if (version != 1)
    return fail(root.wrong("version", "is not a version this program knows; use 1"));
  ReleasePolicy policy;
  policy.digest = sha256(as_bytes(text));
  TRY(policy.issuers, texts(root, "issuers"));
  TRY(policy.ancestors, texts(root, "ancestor_issuers"));
  TRY(policy.operations, texts(root, "operations"));
  TRY(policy.roles, texts(root, "required_roles"));
  TRY(policy.licences, texts(root, "licences"));
  TRY(policy.formats, texts(root, "formats"));
  TRY(policy.not_models, texts(root, "not_models"));
  TRY_VOID(read_statement_rules(root, policy));
  TRY(const auto age, root.optional_span("max_status_age"));
  if (age) {
    if (*age <= Seconds(0)) return fail(root.wrong("max_status_age", "is not a span of time"));
    policy.max_status_age = Asked<Seconds>{*age, root.place("max_status_age")};
  }
  TRY(const auto allow, root.optional_boolean("allow_revoked_ancestors"));
  if (allow) policy.allow_revoked_ancestors = {*allow, root.place("allow_revoked_ancestors")};
  TRY_VOID(root.finish());
  return policy;
}

Result<ReleasePolicy> read_release_policy(const Path& path) {
  TRY(const std::string text, read_text_file(path, 1U << 20));
  return parse_release_policy(text, path.filename().string());
}

}  // namespace attest::lineage
