// The claims set of an EAR as a JSON value, shared by its two encodings. For sources of this room
// only: nlohmann's header is large.
#pragma once

#include "libattest/base/json.h"
#include "libattest/result/ear.h"

namespace attest::result {

Json claims_of(const Ear& ear);
Result<Ear> read_claims(const Json& claims);

}  // namespace attest::result
