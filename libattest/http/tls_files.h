// Certificates and keys for TLS, read from files and checked before anything listens.
#pragma once

#include <string>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/base/result.h"
#include "libattest/crypto/certificate.h"

namespace attest::http {

// TlsIdentity is a certificate chain, leaf first, and its private key, as PEM. The key's text is
// wiped when the object goes.
class TlsIdentity {
 public:
  TlsIdentity(std::string chain_pem, std::string key_pem);
  TlsIdentity(const TlsIdentity&) = default;
  TlsIdentity& operator=(const TlsIdentity&) = default;
  TlsIdentity(TlsIdentity&&) = default;
  TlsIdentity& operator=(TlsIdentity&&) = default;
  ~TlsIdentity();

  const std::string& chain_pem() const { return chain_pem_; }
  const std::string& key_pem() const { return key_pem_; }

 private:
  std::string chain_pem_;
  std::string key_pem_;
};

// load_tls_identity reads both files and checks:
//   - the key file belongs to its owner alone (no permission for group or others);
//   - the chain has at least one certificate, and every PEM block in it parses;
//   - the key is unencrypted PEM and belongs to the first certificate.
// Not checked: expiry and names, which are the client's to judge.
Result<TlsIdentity> load_tls_identity(const Path& chain, const Path& key);

// ClientCertificates says whether clients must show a certificate, and whose.
struct ClientCertificates {
  enum class Wanted { no, optional, required };
  Wanted wanted = Wanted::no;
  std::vector<Certificate> roots;  // a certificate must chain to one of these
};
Result<ClientCertificates> load_client_roots(const Path& roots, ClientCertificates::Wanted wanted);

}  // namespace attest::http

namespace attest::rules {
inline constexpr Rule tls_key_open{"http.tls.key-readable-by-others"};
inline constexpr Rule tls_key{"http.tls.key"};
inline constexpr Rule tls_certificate{"http.tls.certificate"};
inline constexpr Rule tls_mismatch{"http.tls.key-of-other-certificate"};
}  // namespace attest::rules
