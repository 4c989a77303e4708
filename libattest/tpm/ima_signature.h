// Signatures that IMA lists carry (Linux, security/integrity/digsig_asymmetric.c, ima_appraise.c):
// over a file's digest (version 2), over its fs-verity digest (version 3), and those appended to
// modules (modsig, PKCS #7). Pure functions.
#pragma once

#include <span>
#include <vector>

#include "libattest/crypto/public_key.h"
#include "libattest/tpm/ima_log.h"

namespace attest::tpm {

// ImaKey is a key that may sign files. The kernel names it by the last four bytes of its
// certificate's subject key identifier, by convention the SHA-1 of the key.
struct ImaKey {
  PublicKey key;
  std::array<std::byte, 4> id;

  static ImaKey of(PublicKey key);
};

struct UntrustedImaSignature {
  std::uint8_t version = 0;  // 2 or 3
  HashAlgorithm hash = HashAlgorithm::sha256;
  std::array<std::byte, 4> key_id{};
  ByteView signature;
};

// parse_ima_signature reads security.ima's value: type, version, hash, key id, size and signature.
// It refuses a size other than what is there (rules::ima_signature_form). Version 1, which Linux
// made until 3.7 and only for RSA-1024 keys in a format of its own, is refused by name.
Result<UntrustedImaSignature> parse_ima_signature(ByteView value);

// verify_ima_signature checks, in this order, that
//   - the signature is of the kind that fits what was measured: version 3 for verity digests;
//   - its hash is that of the measured digest;
//   - one of `keys` has its id;
//   - and the signature over the digest holds under that key.
// An entry's appended signature (modsig) is checked the same way over the digest without it.
Status verify_ima_signature(const ImaEntry& entry, std::span<const ImaKey> keys);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule ima_signature_form{"tpm.ima.signature-form"};
inline constexpr Rule ima_signature_version{"tpm.ima.signature-version"};
inline constexpr Rule ima_signature_hash{"tpm.ima.signature-hash"};
inline constexpr Rule ima_signature_key{"tpm.ima.signature-key"};
inline constexpr Rule ima_signature{"tpm.ima.signature"};
}  // namespace attest::rules
