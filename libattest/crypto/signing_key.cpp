#include "libattest/crypto/signing_key.h"

#include <cerrno>

#include <botan/data_src.h>
#include <botan/ecdsa.h>
#include <botan/ed25519.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>
#include <botan/rng.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "libattest/base/descriptor.h"

namespace attest {

namespace {

// BotanRandom lends our source of randomness to Botan.
class BotanRandom final : public Botan::RandomNumberGenerator {
 public:
  explicit BotanRandom(Random& random) : random_(random) {}
  void randomize(std::uint8_t output[], std::size_t length) override {
    random_.fill(std::as_writable_bytes(std::span(output, length)));
  }
  bool accepts_input() const override { return false; }
  void add_entropy(const std::uint8_t[], std::size_t) override {}
  std::string name() const override { return "attest"; }
  void clear() override {}
  bool is_seeded() const override { return true; }

 private:
  Random& random_;
};

struct SchemeOfKind {
  SignatureScheme scheme;
  const char* padding;
};

SchemeOfKind scheme_of_kind(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256:
      return {SignatureScheme::ecdsa_sha256, "EMSA1(SHA-256)"};
    case KeyKind::ecdsa_p384:
      return {SignatureScheme::ecdsa_sha384, "EMSA1(SHA-384)"};
    case KeyKind::ecdsa_p521:
      return {SignatureScheme::ecdsa_sha512, "EMSA1(SHA-512)"};
    default:
      return {SignatureScheme::ed25519, "Pure"};
  }
}

class FileKey final : public SigningKey {
 public:
  FileKey(std::unique_ptr<Botan::Private_Key> key, PublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}

  const PublicKey& public_key() const override { return public_key_; }
  SignatureScheme scheme() const override { return scheme_of_kind(public_key_.kind()).scheme; }

  Result<Bytes> sign(ByteView message) const override {
    try {
      // A signer of Botan is for one thread; the key is for all. The randomness blinds the
      // computation against side channels and does not show in the signature (RFC 6979).
      BotanRandom random(system_random());
      Botan::PK_Signer signer(*key_, random, scheme_of_kind(public_key_.kind()).padding,
                              Botan::IEEE_1363);
      signer.update(reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
      const std::vector<std::uint8_t> signature = signer.signature(random);
      return to_bytes(std::as_bytes(std::span(signature)));
    } catch (const std::exception& problem) {
      return fail(fault(rules::signing_failed, std::string("signing failed: ") + problem.what()));
    }
  }

  const Botan::Private_Key& botan() const { return *key_; }

 private:
  std::unique_ptr<Botan::Private_Key> key_;
  PublicKey public_key_;
};

std::unexpected<Error> unsupported(std::string found) {
  return fail(refused(rules::key_unsupported, "this kind of key cannot sign here")
                  .expected("Ed25519, or ECDSA on P-256, P-384 or P-521")
                  .found(std::move(found)));
}

Bytes coordinate(const Botan::BigInt& number) {
  std::vector<std::uint8_t> digits(number.bytes());
  number.binary_encode(digits.data());
  return to_bytes(std::as_bytes(std::span(digits)));
}

Result<PublicKey> public_half(const Botan::Private_Key& key) {
  if (const auto* ed25519 = dynamic_cast<const Botan::Ed25519_PublicKey*>(&key))
    return PublicKey::from_ed25519(std::as_bytes(std::span(ed25519->get_public_key())));
  const auto* ecdsa = dynamic_cast<const Botan::ECDSA_PublicKey*>(&key);
  if (ecdsa == nullptr) return unsupported(key.algo_name());
  const std::string curve = ecdsa->domain().get_curve_oid().to_formatted_string();
  if (curve != "secp256r1" && curve != "secp384r1" && curve != "secp521r1")
    return unsupported("ECDSA on " + curve);
  const auto kind = curve == "secp256r1"   ? KeyKind::ecdsa_p256
                    : curve == "secp384r1" ? KeyKind::ecdsa_p384
                                           : KeyKind::ecdsa_p521;
  return PublicKey::from_ec_point(kind, coordinate(ecdsa->public_point().get_affine_x()),
                                  coordinate(ecdsa->public_point().get_affine_y()));
}

Result<std::unique_ptr<SigningKey>> wrap(std::unique_ptr<Botan::Private_Key> key) {
  TRY(PublicKey public_key, public_half(*key));
  return std::make_unique<FileKey>(std::move(key), std::move(public_key));
}

// OWASP's advice for PBKDF2 with SHA-256, 2023.
constexpr std::size_t passphrase_iterations = 600'000;

std::string to_pkcs8(const Botan::Private_Key& key, const std::optional<std::string>& passphrase,
                     Botan::RandomNumberGenerator& random) {
  if (!passphrase) return Botan::PKCS8::PEM_encode(key);
  return Botan::PKCS8::PEM_encode_encrypted_pbkdf_iter(
      key, random, *passphrase, passphrase_iterations, "AES-256/CBC", "SHA-256");
}

Status write_new_file(const Path& path, std::string_view content) {
  // O_EXCL: a key that is there is never overwritten, nor is a link followed to somewhere else.
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid())
    return fail(system_fault(rules::file_io, "cannot make the key file", errno)
                    .next("an existing key is never overwritten: choose another name")
                    .within(path.string()));
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return fail(
          system_fault(rules::file_io, "cannot write the key file", errno).within(path.string()));
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0)
    return fail(
        system_fault(rules::file_io, "cannot sync the key file", errno).within(path.string()));
  return system_files().sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

std::unexpected<Error> passphrase_error(std::string what) {
  return fail(incomplete(rules::key_passphrase, std::move(what)));
}

Result<std::unique_ptr<SigningKey>> decode_pkcs8(const Secret& pem,
                                                 const std::optional<std::string>& passphrase) {
  const bool encrypted =
      pem.text().find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string::npos;
  const bool plain = pem.text().find("-----BEGIN PRIVATE KEY-----") != std::string::npos;
  if (!encrypted && !plain)
    return fail(
        refused(rules::key_file_form, "this is not a private key in PKCS#8 PEM")
            .expected("-----BEGIN PRIVATE KEY----- or -----BEGIN ENCRYPTED PRIVATE KEY-----")
            .next("convert it with: openssl pkcs8 -topk8 -in OLD -out NEW"));
  if (encrypted && !passphrase)
    return passphrase_error("the key is encrypted: no passphrase given");
  try {
    Botan::DataSource_Memory source(pem.text());
    std::unique_ptr<Botan::Private_Key> key =
        encrypted ? Botan::PKCS8::load_key(source, *passphrase) : Botan::PKCS8::load_key(source);
    BotanRandom random(system_random());
    if (!key->check_key(random, false))
      return fail(refused(rules::key_file_form, "the private key is not sound"));
    return wrap(std::move(key));
  } catch (const std::exception& problem) {
    if (encrypted) return passphrase_error("the key cannot be decrypted: wrong passphrase");
    return fail(refused(rules::key_file_form,
                        std::string("the private key cannot be read: ") + problem.what()));
  }
}

}  // namespace

Result<std::unique_ptr<SigningKey>> make_signing_key(KeyKind kind, Random& random) {
  try {
    BotanRandom botan_random(random);
    switch (kind) {
      case KeyKind::ed25519:
        return wrap(std::make_unique<Botan::Ed25519_PrivateKey>(botan_random));
      case KeyKind::ecdsa_p256:
        return wrap(
            std::make_unique<Botan::ECDSA_PrivateKey>(botan_random, Botan::EC_Group("secp256r1")));
      case KeyKind::ecdsa_p384:
        return wrap(
            std::make_unique<Botan::ECDSA_PrivateKey>(botan_random, Botan::EC_Group("secp384r1")));
      case KeyKind::ecdsa_p521:
        return wrap(
            std::make_unique<Botan::ECDSA_PrivateKey>(botan_random, Botan::EC_Group("secp521r1")));
      default:
        return unsupported(std::string(to_string(kind)));
    }
  } catch (const std::exception& problem) {
    return fail(
        fault(rules::signing_failed, std::string("a key could not be made: ") + problem.what()));
  }
}

Status save_signing_key(const SigningKey& key, const Path& path,
                        const std::optional<std::string>& passphrase, Random& random) {
  const auto* file_key = dynamic_cast<const FileKey*>(&key);
  if (file_key == nullptr)
    return fail(usage_error("a key in a token cannot be saved: it never leaves the token"));
  try {
    BotanRandom botan_random(random);
    const Secret pem(to_pkcs8(file_key->botan(), passphrase, botan_random));
    return write_new_file(path, pem.text());
  } catch (const std::exception& problem) {
    return fail(
        fault(rules::signing_failed, std::string("the key cannot be encoded: ") + problem.what()));
  }
}

Result<std::unique_ptr<SigningKey>> load_signing_key(const Path& path,
                                                     const std::optional<std::string>& passphrase) {
  TRY(const Secret pem, read_secret_file(path));
  TRY_WITHIN(path.string(), auto key, decode_pkcs8(pem, passphrase));
  return key;
}

Result<std::unique_ptr<SigningKey>> open_signing_key(std::string_view path_or_uri,
                                                     const std::optional<std::string>& passphrase) {
  if (!path_or_uri.starts_with("pkcs11:")) return load_signing_key(path_or_uri, passphrase);
  TRY(const TokenKeyUri uri, parse_token_key_uri(path_or_uri));
  return open_token_key(uri);
}

}  // namespace attest
