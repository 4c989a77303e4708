#include "libattest/statement/kind.h"

#include <algorithm>
#include <array>

namespace attest::statement {

namespace {

struct KindFacts {
  Kind kind;
  std::string_view name;
  std::string_view content_type;
  std::optional<SubjectKind> subject;  // nothing: any
};

constexpr std::array kinds = {
    KindFacts{Kind::device_manifest, "device-manifest", "application/attest-device-manifest+cbor",
              SubjectKind::ek},
    KindFacts{Kind::reference_values, "reference-values", "application/rim+cbor",
              SubjectKind::platform},
    KindFacts{Kind::policy, "policy", "application/attest-policy+toml", SubjectKind::policy},
    KindFacts{Kind::data_set, "data-set", "application/attest-dataset+cbor", SubjectKind::artefact},
    KindFacts{Kind::training_run, "training-run", "application/attest-training-run+cbor",
              SubjectKind::artefact},
    KindFacts{Kind::consent, "consent", "application/attest-consent+cbor", SubjectKind::artefact},
    KindFacts{Kind::model_release, "model-release", "application/attest-release+cbor",
              SubjectKind::artefact},
    KindFacts{Kind::custody, "custody", "application/attest-custody+cbor", SubjectKind::device},
    KindFacts{Kind::inspection, "inspection", "application/attest-inspection+cbor",
              SubjectKind::device},
    KindFacts{Kind::node_state_change, "node-state", "application/attest-node-state+cbor",
              SubjectKind::node},
    KindFacts{Kind::batch, "batch", "application/attest-batch+cbor", SubjectKind::log},
    KindFacts{Kind::key_status, "key-status", "application/attest-key-status+cbor",
              SubjectKind::key},
    KindFacts{Kind::revocation, "revocation", "application/attest-revocation+cbor", {}},
    KindFacts{Kind::map_root, "map-root", "application/attest-map-root+cbor", SubjectKind::log}};

const KindFacts& facts_of(Kind kind) {
  return *std::ranges::find(kinds, kind, &KindFacts::kind);
}

template <typename Member>
std::optional<Kind> find_by(Member member, std::string_view text) {
  const auto* found = std::ranges::find(kinds, text, member);
  if (found == kinds.end()) return {};
  return found->kind;
}

}  // namespace

std::string_view to_string(Kind kind) {
  return facts_of(kind).name;
}

std::optional<Kind> kind_by_name(std::string_view name) {
  return find_by(&KindFacts::name, name);
}

std::vector<std::string_view> kind_names() {
  std::vector<std::string_view> names;
  for (const KindFacts& facts : kinds) names.push_back(facts.name);
  return names;
}

std::string_view content_type(Kind kind) {
  return facts_of(kind).content_type;
}

std::optional<Kind> kind_by_content_type(std::string_view content_type) {
  return find_by(&KindFacts::content_type, content_type);
}

bool fits(Kind kind, SubjectKind subject) {
  if (subject == SubjectKind::signer || subject == SubjectKind::parent) return false;
  const auto& wanted = facts_of(kind).subject;
  return !wanted || *wanted == subject;
}

}  // namespace attest::statement
