#include "libattest/http/tls_files.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/unit/http/tls_certificates.h"

using namespace attest;
using namespace attest::http;
namespace fs = std::filesystem;

TEST_CASE("a certificate and its key are loaded") {
  const auto& files = TlsCertificates::instance();
  const TlsIdentity identity = must(load_tls_identity(files.server(), files.server_key()));
  REQUIRE(identity.chain_pem().find("BEGIN CERTIFICATE") != std::string::npos);
}

TEST_CASE("a key that others may read is refused, with the cure") {
  const auto& files = TlsCertificates::instance();
  const TemporaryDirectory directory;
  const Path key = directory.path() / "k";
  fs::copy_file(files.server_key(), key);
  fs::permissions(key, fs::perms(0640));
  const auto loaded = load_tls_identity(files.server(), key);
  REQUIRE_RULE(loaded, rules::tls_key_open);
  REQUIRE(loaded.error().next_step == "chmod 600 " + key.string());
}

TEST_CASE("a key of another certificate, and what is no key, are refused") {
  const auto& files = TlsCertificates::instance();
  REQUIRE_RULE(load_tls_identity(files.server(), files.client_key()), rules::tls_mismatch);
  const TemporaryDirectory directory;
  const Path key = directory.path() / "k";
  std::ofstream(key) << "no key";
  fs::permissions(key, fs::perms(0600));
  REQUIRE_RULE(load_tls_identity(files.server(), key), rules::tls_key);
}

TEST_CASE("missing files are incomplete; a file without a certificate is refused") {
  const auto& files = TlsCertificates::instance();
  REQUIRE(load_tls_identity(files.server(), "/nowhere/key").error().kind == ErrorKind::incomplete);
  REQUIRE(load_tls_identity("/nowhere/chain", files.server_key()).error().kind ==
          ErrorKind::incomplete);
  REQUIRE_FALSE(load_tls_identity(files.server_key(), files.server_key()).has_value());
  REQUIRE_FALSE(
      load_client_roots(files.server_key(), ClientCertificates::Wanted::required).has_value());
}
