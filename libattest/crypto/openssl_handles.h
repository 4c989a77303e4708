// OpenSSL's handles, owned. For sources of this room, of those above, and of tests; public headers
// only declare OpenSSL's structs.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "libattest/base/bytes.h"
#include "libattest/crypto/digest.h"

namespace attest::openssl {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* handle) const {
    free_function(handle);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Object = std::unique_ptr<ASN1_OBJECT, Free<ASN1_OBJECT_free>>;
using X509Handle = std::unique_ptr<X509, Free<X509_free>>;
using X509Crl = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using X509Store = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using X509StoreContext = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

inline const unsigned char* data(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* data(Bytes& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// digest_method is fetched once and never freed: fetching by name costs more than a small digest.
const EVP_MD* digest_method(HashAlgorithm algorithm);

// OpenSSL queues the reasons of its failures for each thread; what is left there would turn up in
// an unrelated call. Every function that asks OpenSSL about untrusted bytes holds one of these.
struct CleanErrors {
  CleanErrors() = default;
  CleanErrors(const CleanErrors&) = delete;
  CleanErrors& operator=(const CleanErrors&) = delete;
  ~CleanErrors() { ERR_clear_error(); }
};

// bio_over reads from `bytes`, which must outlive it.
inline Bio bio_over(ByteView bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// text_of gives what was written into a memory BIO.
inline std::string text_of(BIO* bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio, &start);
  return size > 0 ? std::string(start, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace attest::openssl
