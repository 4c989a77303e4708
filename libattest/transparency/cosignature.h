// Cosignatures (C2SP tlog-cosignature, cosignature/v1): a witness says that at a time it had seen a
// checkpoint which extends every one it cosigned before.
//
//   signed      "cosignature/v1\ntime N\n" ‖ the note's text; N decimal seconds since 1970
//   signature   u64 big-endian N ‖ 64 bytes of Ed25519
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "libattest/base/time.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/signing_key.h"

namespace attest::transparency {

// cosigned_message gives the bytes that a cosignature signs.
std::string cosigned_message(std::string_view note_text, std::uint64_t time);

// make_cosignature gives time ‖ signature; a time before 1970 is refused.
Result<Bytes> make_cosignature(std::string_view note_text, Time time, const SigningKey& key);

// verify_cosignature checks length (72 bytes), a time that fits, and the signature over the text;
// it gives the time.
Result<Time> verify_cosignature(std::string_view note_text, ByteView signature,
                                const PublicKey& key);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule cosignature_form{"transparency.cosignature.form"};
inline constexpr Rule cosignature_wrong{"transparency.cosignature.wrong"};
}  // namespace attest::rules
