// The keys agentd has its TPM make, as tpm2-tss wants them described. Include from sources only.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "agentd/tpm_client.h"

namespace attest::agentd {

// ek_template is the default template of the TCG EK Credential Profile 2.5: L-1 (RSA-2048), L-2
// (ECC P-256), H-3 (ECC P-384). A TPM makes the same EK of it each time, so it is not stored.
TPM2B_PUBLIC ek_template(EkKind kind);

// ek_policy_branches are the two ways into PolicyB of the high-range templates with SHA-384
// (sections B.6.2 to B.6.4): PolicyA, the endorsement hierarchy's, and PolicyC, the
// administrator's.
TPML_DIGEST ek_policy_branches();

// ak_template is a restricted ECDSA P-256 key with SHA-256: it signs nothing but what the TPM
// itself made.
TPM2B_PUBLIC ak_template();

}  // namespace attest::agentd
