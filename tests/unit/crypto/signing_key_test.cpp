#include "libattest/crypto/signing_key.h"

#include <array>
#include <filesystem>

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest {

namespace {
constexpr std::array kinds = {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384};
}

TEST_CASE("what a key signs, its public half verifies, and twice gives the same signature") {
  for (const KeyKind kind : kinds) {
    INFO(to_string(kind));
    const auto key = must(make_signing_key(kind, system_random()));
    const Bytes signature = must(key->sign(as_bytes("m")));
    REQUIRE_OK(key->public_key().verify(key->scheme(), as_bytes("m"), signature, EcdsaForm::fixed));
    CHECK(must(key->sign(as_bytes("m"))) == signature);
  }
  REQUIRE_RULE(make_signing_key(KeyKind::rsa, system_random()), rules::key_unsupported);
}

// RFC 6979 appendix A.2.5, P-256 with SHA-256, message "sample".
TEST_CASE("ECDSA is deterministic as RFC 6979 says") {
  const TemporaryDirectory directory;
  const Path path = directory.path() / "key.pem";
  // PKCS#8 of the appendix's private key: ECPrivateKey without its public half.
  const Bytes pkcs8 =
      must(from_hex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"
                    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"));
  const std::string pem =
      "-----BEGIN PRIVATE KEY-----\n" + to_base64(pkcs8) + "\n-----END PRIVATE KEY-----\n";
  must(write_file_atomically(path, as_bytes(pem), 0600));
  const auto key = must(load_signing_key(path));
  CHECK(to_hex(must(key->sign(as_bytes("sample")))) ==
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
}

TEST_CASE("a key is saved for its owner alone, never over another, and comes back") {
  const TemporaryDirectory directory;
  for (const KeyKind kind : kinds) {
    INFO(to_string(kind));
    const Path path = directory.path() / std::to_string(static_cast<int>(kind));
    const auto key = must(make_signing_key(kind, system_random()));
    must(save_signing_key(*key, path, {}, system_random()));
    struct stat about{};
    REQUIRE(::stat(path.c_str(), &about) == 0);
    CHECK((about.st_mode & 07777) == 0600);
    CHECK(must(load_signing_key(path))->public_key() == key->public_key());
    REQUIRE_RULE(save_signing_key(*key, path, {}, system_random()), rules::file_io);
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    REQUIRE_RULE(load_signing_key(path), rules::key_file_open);
  }
}

TEST_CASE("an encrypted key asks for its passphrase") {
  const TemporaryDirectory directory;
  const Path path = directory.path() / "key.pem";
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  must(save_signing_key(*key, path, "correct horse", system_random()));
  CHECK(must(load_signing_key(path, "correct horse"))->public_key() == key->public_key());
  const auto none = load_signing_key(path);
  REQUIRE_RULE(none, rules::key_passphrase);
  CHECK(none.error().kind == ErrorKind::incomplete);
  REQUIRE_RULE(load_signing_key(path, "wrong horse"), rules::key_passphrase);
  CHECK(must(open_signing_key(path.string(), "correct horse"))->public_key() == key->public_key());
}

TEST_CASE("a file that holds no PKCS#8 key is refused") {
  const TemporaryDirectory directory;
  const Path path = directory.path() / "key.pem";
  must(write_file_atomically(path, as_bytes("-----BEGIN EC PRIVATE KEY-----\n"), 0600));
  REQUIRE_RULE(load_signing_key(path), rules::key_file_form);
  must(write_file_atomically(
      path, as_bytes("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0600));
  REQUIRE_RULE(load_signing_key(path), rules::key_file_form);
}

TEST_CASE("a PKCS#11 URI names module, token, object and the file with the PIN") {
  const TokenKeyUri uri = must(parse_token_key_uri(
      "pkcs11:token=my%20token;object=log?module-path=/lib/p.so&pin-source=file:/etc/pin"));
  CHECK(uri.token_label == "my token");
  CHECK(uri.object_label == "log");
  CHECK(uri.module_path == "/lib/p.so");
  CHECK(uri.pin_source == "/etc/pin");
  for (const char* wrong : {
           "pkcs11:token=t;object=o?module-path=/m",                         // no PIN
           "pkcs11:token=t;object=o?module-path=/m&pin-value=1234",          // PIN in the URI
           "pkcs11:token=t;object=o;serial=1?module-path=/m&pin-source=/p",  // unknown
           "pkcs11:token=t;token=u;object=o?module-path=/m&pin-source=/p",   // twice
           "pkcs11:token=%zz;object=o?module-path=/m&pin-source=/p",         // not hexadecimal
           "pkcs11:token=t;object=o;module-path=/m?pin-source=/p",           // in the wrong part
           "file:token=t;object=o?module-path=/m&pin-source=/p",
       })
    REQUIRE_RULE(parse_token_key_uri(wrong), rules::key_token);
}

}  // namespace attest
