// The attestation key as agentd keeps it: wrapped by its TPM, in one file (0600) of the state
// directory. Worth nothing in another TPM.
#pragma once

#include <optional>

#include "agentd/tpm_client.h"
#include "libattest/base/file.h"

namespace attest::agentd {

struct AttestationKey {
  EkKind ek;
  WrappedKey wrapped;
};

Path attestation_key_file(const Path& state);
// load gives nothing where the node has no key yet.
Result<std::optional<AttestationKey>> load_attestation_key(const Path& state);
Status save_attestation_key(const Path& state, const AttestationKey& key);

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule attestation_key_file{"agentd.attestation-key.file"};
}
