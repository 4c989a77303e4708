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
  std::array<std::byte, 8> id_of_version_one{};  // of RSA keys

  static ImaKey of(PublicKey key);
};

struct UntrustedImaSignature {
  std::uint8_t version = 0;                    // 1, 2 or 3
  HashAlgorithm hash = HashAlgorithm::sha256;  // of the file
  Bytes key_id;                                // 8 bytes of version 1, else 4
  ByteView signature;
  ByteView header;  // of version 1, which signs it too
};

// parse_ima_signature reads security.ima's value: type, version, hash, key id, size and signature.
// It refuses a size other than what is there (rules::ima_signature_form).
Result<UntrustedImaSignature> parse_ima_signature(ByteView value);

struct ImaSignatureRules {
  // Version 1 (Linux, lib/digsig.c), by RSA alone, signs a SHA-1 whatever the file's hash.
  bool allow_version_one = false;
};

// verify_ima_signature checks, in this order, that
//   - the signature is not of version 1, unless allowed;
//   - it is of the kind that fits what was measured: version 3 for verity digests;
//   - its hash is that of the measured digest;
//   - one of `keys` has its id;
//   - and the signature over the digest holds under that key.
// An entry's appended signature (modsig) is checked the same way over the digest without it.
Status verify_ima_signature(const ImaEntry& entry, std::span<const ImaKey> keys,
                            ImaSignatureRules rules = {});

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule ima_signature_form{"tpm.ima.signature-form"};
inline constexpr Rule ima_signature_version{"tpm.ima.signature-version"};
inline constexpr Rule ima_signature_hash{"tpm.ima.signature-hash"};
inline constexpr Rule ima_signature_key{"tpm.ima.signature-key"};
inline constexpr Rule ima_signature{"tpm.ima.signature"};
}  // namespace attest::rules
