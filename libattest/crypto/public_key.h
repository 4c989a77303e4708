// Public keys: parsed once, kept, and used to verify signatures by OpenSSL.
//
// A PublicKey is immutable and cheap to copy (it shares the parsed key); it may be used from
// several threads at once.
#pragma once

#include <memory>
#include <string>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"

struct evp_pkey_st;

namespace attest {

enum class KeyKind { ed25519, ecdsa_p256, ecdsa_p384, ecdsa_p521, rsa };

std::string_view to_string(KeyKind kind);

// SignatureScheme names how a message was hashed and signed.
enum class SignatureScheme {
  ed25519,     // RFC 8032, 64 bytes
  ecdsa_sha1,  // only where a caller asked for it by name
  ecdsa_sha256,
  ecdsa_sha384,
  ecdsa_sha512,
  rsa_pkcs1_sha1,  // only where a caller asked for it by name
  rsa_pkcs1_sha256,
  rsa_pkcs1_sha384,
  rsa_pkcs1_sha512,
  rsa_pss_sha1,  // salt length taken from the signature
  rsa_pss_sha256,
  rsa_pss_sha384,
  rsa_pss_sha512,
};

// EcdsaForm says how an ECDSA signature is written.
enum class EcdsaForm {
  der,    // SEQUENCE { r, s }, strict DER
  fixed,  // r ‖ s, each of the curve's size, big-endian (IEEE P1363)
};

class PublicKey {
 public:
  // Each maker refuses keys that are malformed, off the curve, or of a kind or size not supported
  // (RSA of 2048 to 8192 bits with an odd exponent from 3 to 2^32).
  static Result<PublicKey> from_spki_der(ByteView der);
  static Result<PublicKey> from_pem(std::string_view pem);
  // from_file reads PEM or DER SubjectPublicKeyInfo, or a PEM certificate's key.
  static Result<PublicKey> from_der_or_pem(ByteView content);
  static Result<PublicKey> from_ed25519(ByteView raw32);
  // Affine coordinates, big-endian, at most the curve's size each.
  static Result<PublicKey> from_ec_point(KeyKind curve, ByteView x, ByteView y);
  static Result<PublicKey> from_rsa(ByteView modulus, ByteView exponent);
  // from_openssl takes a reference of its own on `key`.
  static Result<PublicKey> from_openssl(evp_pkey_st* key);

  KeyKind kind() const;
  std::size_t bits() const;
  // spki_der is the SubjectPublicKeyInfo as OpenSSL writes it; equal keys give equal bytes.
  const Bytes& spki_der() const;
  std::string to_pem() const;
  // thumbprint = SHA-256(spki_der): how statements, results and receipts name a key.
  const Sha256& thumbprint() const;
  // raw_ed25519 gives the 32 bytes of an Ed25519 key; empty for other kinds.
  Bytes raw_ed25519() const;
  // uncompressed_point gives 04 ‖ x ‖ y of an EC key; empty for other kinds.
  Bytes uncompressed_point() const;
  evp_pkey_st* openssl() const;

  // verify checks `signature` over `message`. A wrong signature, a scheme that does not fit the
  // key, or an r or s of 0 or at least the group order is refused (rules::signature_wrong,
  // rules::signature_scheme).
  Status verify(SignatureScheme scheme, ByteView message, ByteView signature,
                EcdsaForm form = EcdsaForm::der) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b);

 private:
  struct Shared;
  explicit PublicKey(std::shared_ptr<const Shared> shared);
  std::shared_ptr<const Shared> shared_;
};

namespace rules {
inline constexpr Rule key_form{"crypto.key.form"};
inline constexpr Rule key_unsupported{"crypto.key.unsupported"};
inline constexpr Rule signature_wrong{"crypto.signature.wrong"};
inline constexpr Rule signature_scheme{"crypto.signature.scheme"};
inline constexpr Rule signature_form{"crypto.signature.form"};
}  // namespace rules

}  // namespace attest
