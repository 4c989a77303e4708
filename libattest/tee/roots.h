// The roots of trusted execution environments that this release knows, by the digest of their keys.
//
// A root in a folder of collateral is believed only when its key is one of these, or when the
// caller gives it as a root. So whoever can write collateral cannot choose whom to trust.
#pragma once

#include <vector>

#include "libattest/crypto/certificate.h"

namespace attest::tee {

// root_owner names who holds a self-signed certificate's key: "AMD (Milan)", "Intel SGX"; nothing
// where this release does not know it.
std::optional<std::string_view> root_owner(const Certificate& certificate);

// known_roots gives those of `certificates` that are self-signed and whose key is known.
std::vector<Certificate> known_roots(const std::vector<Certificate>& certificates);

}  // namespace attest::tee
