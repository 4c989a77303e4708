// The encoding rules of DER (X.690 section 10), apart from what the bytes mean.
#pragma once

#include "libattest/base/bytes.h"

namespace attest {

// first_der_element gives the element at the front of `bytes`, header included, and checks that
// lengths are definite, shortest and within bounds at every level of constructed elements.
// Fails with rules::der_form and the offset.
Result<ByteView> first_der_element(ByteView bytes);

namespace rules {
inline constexpr Rule der_form{"crypto.der.form"};
}

}  // namespace attest
