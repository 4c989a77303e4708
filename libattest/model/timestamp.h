// RFC 3161 timestamps by OpenSSL, with explicit authorities and without the system's clock.
#pragma once

#include <vector>

#include "libattest/model/sigstore_trust.h"

namespace attest::model {

// verify_timestamp gives the time that a TimeStampResp in DER states for `data`. It checks, for one
// of the authorities:
//   - the response: granted, nothing behind its DER (rules::timestamp_form);
//   - the message imprint is that of `data`, and the token is signed by a certificate for
//     timestamping whose chain ends in the authority's root, all of it valid at the time that is
//     stated (rules::timestamp_signature). Certificates in the token are a help to find the chain,
//     never trusted;
//   - the authority was valid then (rules::timestamp_time).
Result<Time> verify_timestamp(ByteView response, ByteView data,
                              const std::vector<SigstoreAuthority>& authorities);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule timestamp_form{"model.timestamp.form"};
inline constexpr Rule timestamp_signature{"model.timestamp.signature"};
inline constexpr Rule timestamp_time{"model.timestamp.time"};
}  // namespace attest::rules
