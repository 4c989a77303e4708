#include "libattest/lineage/policy.h"

#include "libattest/base/toml.h"

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
