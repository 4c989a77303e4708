// Enrolment: agentd shows the verifier its EK certificate and a new attestation key, and proves
// that both are in one TPM by opening a credential made for them (TPM 2.0 Part 1 section 24).
#pragma once

#include "agentd/attestation_key.h"
#include "agentd/configuration.h"
#include "agentd/verifier_client.h"

namespace attest::agentd {

// enrol makes a new attestation key, has the verifier accept it, and only then replaces the one in
// the state directory: a node whose enrolment was refused keeps the key it had.
Result<evidence::EnrolResult> enrol(const Configuration& configuration,
                                    const VerifierClient& verifier);

// ek_certificates reads the EK's certificate and the chain in NV, as DER; the EK's own comes first.
// Empty where the TPM carries none for this kind of EK.
Result<std::vector<Bytes>> ek_certificates(const TpmClient& tpm, EkKind kind);

// write_ek writes what an integrator enters in a device manifest: the EK's certificate in PEM, or
// its public key where the TPM carries no certificate.
Status write_ek(const Configuration& configuration, const Path& path);

}  // namespace attest::agentd
