#include <cstdlib>
#include <filesystem>

#include "libattest/crypto/signing_key.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest {

namespace {

constexpr const char* module_path = "/usr/lib/softhsm/libsofthsm2.so";

// SoftToken is a SoftHSM token in a directory of its own, with one key of each label given.
class SoftToken {
 public:
  SoftToken() {
    const Path store = directory_.path() / "tokens";
    std::filesystem::create_directory(store);
    const Path configuration = directory_.path() / "softhsm2.conf";
    must(write_file_atomically(configuration, as_bytes("directories.tokendir = " + store.string() +
                                                       "\nobjectstore.backend = file\n")));
    ::setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
    must(write_file_atomically(pin(), as_bytes("4321\n"), 0600));
    run("softhsm2-util --init-token --free --label test --so-pin 1234 --pin 4321");
  }
  void add_key(const std::string& label, const std::string& type) {
    // Appended piece by piece: GCC 12 warns falsely about a literal plus a string (bug 105329).
    std::string command = "pkcs11-tool --token-label test --login --pin 4321 --keypairgen";
    command.append(" --usage-sign --module ").append(module_path);
    // libp11 finds the public half of a key by its id.
    command.append(" --id 0").append(std::to_string(++keys_));
    command.append(" --label ").append(label).append(" --key-type ").append(type);
    run(command);
  }
  Path pin() const { return directory_.path() / "pin"; }
  TokenKeyUri uri(const std::string& label) const { return {module_path, "test", label, pin()}; }

 private:
  static void run(const std::string& command) {
    REQUIRE(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
  }
  TemporaryDirectory directory_;
  int keys_ = 0;
};

bool token_tools_are_here() {
  const bool here = std::filesystem::exists(module_path) &&
                    std::system("command -v softhsm2-util pkcs11-tool >/dev/null") == 0;
  if (!here) WARN("not tested: SoftHSM 2 or pkcs11-tool is not installed");
  return here;
}

}  // namespace

TEST_CASE("a key in a token signs, and only with the right PIN, label and token") {
  if (!token_tools_are_here()) return;
  SoftToken token;
  token.add_key("log", "EC:prime256v1");
  token.add_key("results", "EC:secp384r1");
  {
    const auto key = must(open_token_key(token.uri("log")));
    CHECK(key->scheme() == SignatureScheme::ecdsa_sha256);
    const Bytes signature = must(key->sign(as_bytes("m")));
    REQUIRE_OK(key->public_key().verify(key->scheme(), as_bytes("m"), signature, EcdsaForm::fixed));
    CHECK(save_signing_key(*key, "/nowhere", {}, system_random()).error().kind == ErrorKind::usage);
  }
  {
    const auto key =
        must(open_signing_key("pkcs11:token=test;object=results?module-path=" +
                              std::string(module_path) + "&pin-source=" + token.pin().string()));
    CHECK(key->scheme() == SignatureScheme::ecdsa_sha384);
    REQUIRE_OK(key->public_key().verify(key->scheme(), as_bytes("m"),
                                        must(key->sign(as_bytes("m"))), EcdsaForm::fixed));
  }
  REQUIRE_RULE(open_token_key(token.uri("other")), rules::key_token);
  TokenKeyUri elsewhere = token.uri("log");
  elsewhere.token_label = "elsewhere";
  REQUIRE_RULE(open_token_key(elsewhere), rules::key_token);
  must(write_file_atomically(token.pin(), as_bytes("9999\n"), 0600));
  REQUIRE_RULE(open_token_key(token.uri("log")), rules::key_token);
  must(write_file_atomically(token.pin(), as_bytes("4321\n"), 0644));
  REQUIRE_RULE(open_token_key(token.uri("log")), rules::key_file_open);
}

TEST_CASE("a token whose Ed25519 key hides the others says so") {
  if (!token_tools_are_here()) return;
  SoftToken token;
  token.add_key("log", "EC:prime256v1");
  token.add_key("hiding", "EC:edwards25519");
  const auto key = open_token_key(token.uri("log"));
  // A libp11 that can list such tokens is no fault.
  if (key) return;
  REQUIRE_RULE(key, rules::key_token);
  CHECK(key.error().next_step.find("Ed25519") != std::string::npos);
}

}  // namespace attest
