// Signing keys: in files (Botan) and in PKCS#11 tokens (libp11). Ed25519 by default; ECDSA P-256,
// P-384 and P-521 where asked, deterministic (RFC 6979) when the key is in a file.
//
// A SigningKey may be used from several threads at once. Key material is wiped when the object
// goes, never logged, and written only to files readable by their owner alone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libattest/base/file.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/random.h"
#include "libattest/crypto/secret_file.h"

namespace attest {

class SigningKey {
 public:
  virtual ~SigningKey() = default;
  virtual const PublicKey& public_key() const = 0;
  // scheme is fixed by the key: ed25519, ecdsa_sha256 (P-256), _sha384 (P-384), _sha512 (P-521).
  virtual SignatureScheme scheme() const = 0;
  // sign gives the signature over `message`; ECDSA in EcdsaForm::fixed.
  virtual Result<Bytes> sign(ByteView message) const = 0;
};

// make_signing_key makes a fresh key in memory.
Result<std::unique_ptr<SigningKey>> make_signing_key(KeyKind kind, Random& random);

// save_signing_key writes an in-memory key of make_signing_key as PKCS#8 PEM with mode 0600,
// refusing to overwrite; encrypted where a passphrase is given. Token keys cannot be saved.
Status save_signing_key(const SigningKey& key, const Path& path,
                        const std::optional<std::string>& passphrase, Random& random);

// load_signing_key reads a PKCS#8 PEM file. A file that others may read is refused
// (rules::key_file_open). A missing or wrong passphrase is incomplete (rules::key_passphrase).
Result<std::unique_ptr<SigningKey>> load_signing_key(
    const Path& path, const std::optional<std::string>& passphrase = {});

// TokenKey says where a key in a PKCS#11 token lies (RFC 7512:
// "pkcs11:token=…;object=…?module-path=…&pin-source=FILE"). The PIN comes from a file, never from
// an argument.
struct TokenKeyUri {
  std::string module_path;
  std::string token_label;
  std::string object_label;
  Path pin_source;
};
Result<TokenKeyUri> parse_token_key_uri(std::string_view uri);
Result<std::unique_ptr<SigningKey>> open_token_key(const TokenKeyUri& uri);

// open_signing_key takes a path or a "pkcs11:" URI: what every --key option and every key in a
// configuration file takes. ATTEST_KEY_PASSPHRASE_FILE is not read here: programs pass the
// passphrase.
Result<std::unique_ptr<SigningKey>> open_signing_key(
    std::string_view path_or_uri, const std::optional<std::string>& passphrase = {});

namespace rules {
inline constexpr Rule key_passphrase{"crypto.key-file.passphrase"};
inline constexpr Rule key_token{"crypto.token"};
inline constexpr Rule signing_failed{"crypto.signing.failed"};
}  // namespace rules

}  // namespace attest
