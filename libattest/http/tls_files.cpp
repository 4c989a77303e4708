#include "libattest/http/tls_files.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

namespace attest::http {

namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

Status check_private(const Path& key) {
  struct stat about{};
  if (::stat(key.c_str(), &about) != 0)
    return fail(
        incomplete(rules::file_unreadable, "there is no such key file").within(key.string()));
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(refused(rules::tls_key_open, "others than its owner may use this key file")
                    .expected("mode 0600 or 0400")
                    .next("chmod 600 " + key.string())
                    .within(key.string()));
  return {};
}

// An encrypted key would make OpenSSL ask on the terminal; a server has none.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<PublicKey> public_half(const std::string& key_pem) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key)
    return fail(refused(rules::tls_key, "this is no private key")
                    .expected("an unencrypted PEM private key"));
  return PublicKey::from_openssl(key.get());
}

}  // namespace

TlsIdentity::TlsIdentity(std::string chain_pem, std::string key_pem)
    : chain_pem_(std::move(chain_pem)), key_pem_(std::move(key_pem)) {}

TlsIdentity::~TlsIdentity() {
  OPENSSL_cleanse(key_pem_.data(), key_pem_.size());
}

Result<TlsIdentity> load_tls_identity(const Path& chain, const Path& key) {
  TRY_VOID(check_private(key));
  TRY(std::string chain_pem, read_text_file(chain, 1U << 20));
  TRY_WITHIN(chain.string(), const auto certificates, Certificate::all_from_pem(chain_pem));
  if (certificates.empty())
    return fail(refused(rules::tls_certificate, "there is no certificate in this file")
                    .within(chain.string()));
  TRY(std::string key_pem, read_text_file(key, 64U << 10));
  TlsIdentity identity(std::move(chain_pem), std::move(key_pem));
  TRY_WITHIN(key.string(), const PublicKey of_key, public_half(identity.key_pem()));
  TRY_WITHIN(chain.string(), const PublicKey of_certificate, certificates.front().public_key());
  if (!(of_key == of_certificate))
    return fail(refused(rules::tls_mismatch, "this key is not that of the first certificate")
                    .expected("the key of " + certificates.front().subject())
                    .within(key.string()));
  return identity;
}

Result<ClientCertificates> load_client_roots(const Path& roots, ClientCertificates::Wanted wanted) {
  TRY(const std::string pem, read_text_file(roots, 4U << 20));
  TRY_WITHIN(roots.string(), auto certificates, Certificate::all_from_pem(pem));
  if (certificates.empty())
    return fail(refused(rules::tls_certificate, "there is no certificate in this file")
                    .within(roots.string()));
  return ClientCertificates{wanted, std::move(certificates)};
}

}  // namespace attest::http
