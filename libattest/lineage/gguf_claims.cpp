#include "libattest/lineage/gguf_claims.h"

namespace attest::lineage {

namespace {

constexpr std::uint64_t most_parents = 1'024;

std::string text_or_none(const model::Gguf& gguf, const std::string& key) {
  auto text = gguf.text(key);
  return text ? *std::move(text) : std::string();
}

Status take_parents(const model::Gguf& gguf, const std::string& group, const std::string& role,
                    DescentClaims& claims) {
  TRY(const std::uint64_t count, gguf.unsigned_or(group + ".count", 0));
  if (count > most_parents)
    return fail(refused(rules::gguf_claims_count, "a file claims too many parents")
                    .expected("at most " + std::to_string(most_parents))
                    .found(std::to_string(count))
                    .within(group + ".count"));
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string prefix = group + "." + std::to_string(i) + ".";
    ClaimedParent parent{
        role, text_or_none(gguf, prefix + "name"), text_or_none(gguf, prefix + "organization"),
        text_or_none(gguf, prefix + "version"), text_or_none(gguf, prefix + "repo_url")};
    if (parent.url.empty()) parent.url = text_or_none(gguf, prefix + "url");
    if (parent.name.empty() && parent.url.empty())
      return fail(refused(rules::gguf_claims_count, "a file claims a parent and does not name it")
                      .expected(prefix + "name")
                      .found("none")
                      .within(group + ".count"));
    claims.parents.push_back(std::move(parent));
  }
  return {};
}

}  // namespace

DescentClaims claims_of(const ModelCardClaims& card) {
  DescentClaims claims{"model card", card.relation, card.licence, {}, {}};
  for (const std::string& name : card.base_models)
    claims.parents.push_back({"base", name, {}, {}, {}});
  for (const std::string& name : card.data_sets)
    claims.parents.push_back({"dataset", name, {}, {}, {}});
  return claims;
}

Result<DescentClaims> claims_of(const model::Gguf& gguf) {
  DescentClaims claims;
  claims.source = "GGUF";
  claims.licence = text_or_none(gguf, "general.license");
  claims.quantized_by = text_or_none(gguf, "general.quantized_by");
  TRY_VOID(take_parents(gguf, "general.base_model", "base", claims));
  TRY_VOID(take_parents(gguf, "general.dataset", "dataset", claims));
  return claims;
}

}  // namespace attest::lineage
