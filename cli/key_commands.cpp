// attestctl key: new, show.
#include <cstdlib>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/passphrase.h"
#include "libattest/base/file.h"
#include "libattest/crypto/random.h"
#include "libattest/crypto/signing_key.h"

namespace attest::cli {

namespace {

struct NewOptions {
  std::string path;
  std::string kind = "ed25519";
  std::string passphrase_file;
};

void describe(Report& report, const PublicKey& key) {
  report.field("kind", to_string(key.kind()));
  report.field("thumbprint", "key:" + to_hex(key.thumbprint()));
  report.field("public key", to_base64(key.spki_der()));
  report.json["kind"] = to_string(key.kind());
  report.json["thumbprint"] = to_hex(key.thumbprint());
  report.json["public_key"] = to_base64(key.spki_der());
}

Result<Report> make_new(const NewOptions& options) {
  const KeyKind kind = options.kind == "p256"   ? KeyKind::ecdsa_p256
                       : options.kind == "p384" ? KeyKind::ecdsa_p384
                       : options.kind == "p521" ? KeyKind::ecdsa_p521
                                                : KeyKind::ed25519;
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, make_signing_key(kind, system_random()));
  TRY_VOID(save_signing_key(*key, options.path, passphrase, system_random()));
  Report report;
  report.line(options.path + ": a new key, readable by you alone");
  describe(report, key->public_key());
  report.json["path"] = options.path;
  return report;
}

struct ShowOptions {
  std::string key;
  std::string passphrase_file;
};

// A private key's public half, or a public key file.
Result<PublicKey> public_half(const ShowOptions& options) {
  if (!options.key.starts_with("pkcs11:")) {
    TRY(const Bytes content, read_file(options.key, 1U << 20));
    if (as_text(content).find("PRIVATE KEY") == std::string_view::npos)
      return PublicKey::from_der_or_pem(content);
  }
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, open_signing_key(options.key, passphrase));
  return key->public_key();
}

Result<Report> show(const ShowOptions& options) {
  TRY(const PublicKey key, public_half(options));
  Report report;
  report.line(options.key);
  describe(report, key);
  return report;
}

}  // namespace

void add_key_commands(CommandLine& command_line, Command* group) {
  Command* verb = command_line.verb(group, "new", "Make a signing key, readable by you alone",
                                    "attestctl key new publisher.key");
  auto fresh = std::make_shared<NewOptions>();
  verb->add_option("FILE", fresh->path, "Where to write it (PKCS#8 PEM, mode 0600)")->required();
  verb->add_option("--kind", fresh->kind, "ed25519, p256, p384 or p521")
      ->one_of({"ed25519", "p256", "p384", "p521"});
  verb->add_option("--passphrase-file", fresh->passphrase_file,
                   "Encrypt with the first line of this file");
  command_line.runs(verb, [fresh](const Context&) { return make_new(*fresh); });

  verb = command_line.verb(group, "show", "Show a key's public half and its thumbprint",
                           "attestctl key show publisher.key");
  auto shown = std::make_shared<ShowOptions>();
  verb->add_option("KEY", shown->key, "A key file, public or private, or a pkcs11: URI")
      ->required();
  verb->add_option("--passphrase-file", shown->passphrase_file,
                   "Holds the passphrase in its first line");
  command_line.runs(verb, [shown](const Context&) { return show(*shown); });
}

}  // namespace attest::cli
