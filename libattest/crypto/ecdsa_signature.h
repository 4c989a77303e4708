// The two ways an ECDSA signature is written, and the way between them.
#pragma once

#include "libattest/crypto/public_key.h"

namespace attest {

// field_size is the length of r and of s in the fixed form; 0 for keys that are not ECDSA.
std::size_t field_size(KeyKind kind);

// fixed_from_der reads SEQUENCE { INTEGER r, INTEGER s } in strict DER: shortest lengths, no sign
// trouble, nothing behind. Fails with rules::signature_form.
Result<Bytes> fixed_from_der(KeyKind kind, ByteView der);

// der_from_fixed writes r ‖ s as DER. `fixed` must have twice the field size.
Bytes der_from_fixed(ByteView fixed);

// check_range refuses an r or s of 0, or not below the group's order (rules::signature_wrong).
Status check_range(KeyKind kind, ByteView fixed);

}  // namespace attest
