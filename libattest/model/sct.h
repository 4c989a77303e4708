// Signed certificate timestamps (RFC 6962 section 3) that stand in a certificate: that a
// certificate transparency log promised to hold it.
#pragma once

#include <vector>

#include "libattest/model/sigstore_trust.h"

namespace attest::model {

// verify_embedded_sct checks that at least one SCT in `leaf` names a log of `logs`, that this log
// was valid at the SCT's time, and that its signature over the certificate as it was before the
// SCTs were put in holds (rules::sct). `issuer` is the certificate that signed `leaf`.
Status verify_embedded_sct(const Certificate& leaf, const Certificate& issuer,
                           const std::vector<SigstoreLog>& logs);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule sct{"model.sct"};
}
