#include "libattest/hardware/device_manifest.h"

#include <algorithm>

namespace attest::hardware {

Status DeviceManifests::add(const ProvenStatement& statement) {
  const auto* manifest = statement->as<statement::DeviceManifest>();
  if (!manifest)
    return fail(refused(rules::manifest_kind, "the statement is no device manifest")
                    .found(std::string(statement::to_string(statement->kind()))));
  auto& of_issuer = by_ek_[manifest->ek];
  const auto known = of_issuer.find(statement->issuer());
  if (known != of_issuer.end() && known->second.index > statement.index()) return {};
  of_issuer.insert_or_assign(statement->issuer(),
                             KnownManifest{*manifest, statement->issuer(), statement.index()});
  return {};
}

ManifestFinding DeviceManifests::find(const Sha256& ek) const {
  ManifestFinding finding;
  const auto found = by_ek_.find(ek);
  if (found == by_ek_.end()) return finding;
  for (const auto& [issuer, known] : found->second) finding.manifests.push_back(&known);
  std::ranges::sort(finding.manifests, {}, &KnownManifest::index);
  return finding;
}

const KnownManifest* DeviceManifests::with_component(std::string_view component_class,
                                                     std::string_view serial) const {
  const auto same = [](std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::ranges::equal(a, b, {}, lower, lower);
  };
  for (const auto& [ek, of_issuers] : by_ek_)
    for (const auto& [issuer, known] : of_issuers)
      for (const auto& component : known.manifest.components)
        if (component.component_class == component_class && same(component.serial, serial))
          return &known;
  return nullptr;
}

}  // namespace attest::hardware
