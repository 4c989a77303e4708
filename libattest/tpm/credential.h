// MakeCredential in software (TPM 2.0 Part 1 section 24, credential protection; annexes B.10.3 and
// C.6.1): a secret that only the TPM with this EK can open, and only if it also holds the object of
// this Name. Pure: all randomness is passed in.
#pragma once

#include "libattest/crypto/random.h"
#include "libattest/tpm/key.h"

namespace attest::tpm {

struct Credential {
  Bytes credential_blob;   // TPM2B_ID_OBJECT
  Bytes encrypted_secret;  // TPM2B_ENCRYPTED_SECRET
};

// make_credential protects `secret` (1 to the EK's name digest size in bytes) for the TPM that
// holds `ek` and the object named `object_name`. The EK must be a storage key with AES-128 or
// AES-256 CFB: RSA-2048, RSA-3072, or ECC P-256, P-384, P-521. TPM2_ActivateCredential in another
// TPM, or for an object of another Name, fails on the HMAC.
Result<Credential> make_credential(const UntrustedPublic& ek, ByteView object_name, ByteView secret,
                                   Random& random);

// The two key derivations of TPM 2.0 Part 1 section 11.4.10: KDFa (SP 800-108 counter mode HMAC)
// and KDFe (SP 800-56A one-step). `bits` is a multiple of 8.
Bytes kdf_a(HashAlgorithm hash, ByteView key, std::string_view label, ByteView context_u,
            ByteView context_v, unsigned bits);
Bytes kdf_e(HashAlgorithm hash, ByteView z, std::string_view label, ByteView party_u,
            ByteView party_v, unsigned bits);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule credential_ek{"tpm.credential.ek"};
inline constexpr Rule credential_secret{"tpm.credential.secret"};
inline constexpr Rule credential_crypto{"tpm.credential.crypto"};
}  // namespace attest::rules
