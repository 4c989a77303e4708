// Device manifests: which TPM belongs to which machine, by the word of whoever built it in.
//
// A plain lookup structure; usable from any thread while not changed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/hardware/proven_statement.h"
#include "libattest/statement/device_manifest.h"

namespace attest::hardware {

struct KnownManifest {
  statement::DeviceManifest manifest;
  std::string issuer;
  std::uint64_t index = 0;  // of the ledger entry
};

// ManifestFinding is what the ledger says of one TPM. Pointers live as long as the DeviceManifests
// they came from, unchanged.
struct ManifestFinding {
  // newest of each issuer, in ledger order. Empty: nobody speaks of this TPM. More than one:
  // issuers disagree about whose it is, which is for a person to settle.
  std::vector<const KnownManifest*> manifests;

  bool missing() const { return manifests.empty(); }
  bool disputed() const { return manifests.size() > 1; }
};

class DeviceManifests {
 public:
  // add takes a manifest into account. Of two by one issuer for one TPM the later entry stands. A
  // statement of another kind is refused (rules::manifest_kind).
  Status add(const ProvenStatement& statement);
  // find speaks of the TPM whose endorsement key has this identity.
  ManifestFinding find(const Sha256& ek) const;
  // with_component gives a manifest, the newest of its issuer, that lists a component of this class
  // and serial number, compared without regard to case; null where none does.
  const KnownManifest* with_component(std::string_view component_class,
                                      std::string_view serial) const;
  bool empty() const { return by_ek_.empty(); }

 private:
  std::map<Sha256, std::map<std::string, KnownManifest>> by_ek_;  // then by issuer
};

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule manifest_kind{"hardware.manifest.kind"};
}
