// The claims set of an EAR as JSON (in a JWT) and as CBOR (in a CWT).
#pragma once

#include <string>
#include <string_view>

#include "libattest/result/ear.h"

namespace attest::result {

inline constexpr std::size_t ear_size_limit = 1U << 20;  // bytes

std::string to_json(const Ear& ear);
// to_cbor fails only where `id` is not hexadecimal.
Result<Bytes> to_cbor(const Ear& ear);

// parse_ear_json and parse_ear_cbor check form:
//   - strict JSON, or deterministic CBOR; the mandatory claims eat_profile, iat, ear.verifier-id
//   and
//     at least one submod are there, and each claim has its type and range;
//   - each submod has a status, and it is none or at least as bad as its vector's tier: a status
//     may be worse than its claims, never better (EAR section 3.2);
//   - in our own profile also: exp after iat, a nonce of 32 bytes, iss, sub, jti and a verdict, and
//     a verdict of pass only without a check that did not pass and without a contraindicated
//     submod.
// Claims this code does not know are kept by name and otherwise ignored (RFC 9711 section 4).
Result<Ear> parse_ear_json(std::string_view text);
Result<Ear> parse_ear_cbor(ByteView bytes);

}  // namespace attest::result

namespace attest::rules {
inline constexpr Rule ear_form{"result.ear.form"};
inline constexpr Rule ear_value{"result.ear.trust-value"};
inline constexpr Rule ear_status{"result.ear.status-better-than-vector"};
inline constexpr Rule ear_own_profile{"result.ear.own-profile"};
inline constexpr Rule ear_verdict{"result.ear.verdict"};
}  // namespace attest::rules
