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

}  // namespace attest::hardware
