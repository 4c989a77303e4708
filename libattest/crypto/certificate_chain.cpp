#include <new>

#include <openssl/pem.h>

#include "libattest/base/text.h"
#include "libattest/crypto/certificate.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest {

namespace {

constexpr int min_security_bits = 112;  // NIST SP 800-57: RSA 2048, P-224
constexpr std::size_t max_crl = 16U << 20;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

// What OpenSSL's path validation met. Problems that only mean "cannot tell" are kept until the end,
// so that a forged or revoked certificate is refused even where another one is expired.
struct Findings {
  const ChainRules* rules;
  std::optional<Error> incomplete;
};

std::string shown(const X509* certificate) {
  if (certificate == nullptr) return "certificate";
  openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return printable(openssl::text_of(bio.get()));
}

// unhandled_critical gives the first critical extension that neither OpenSSL nor `handled` knows.
std::optional<std::string> unhandled_critical(X509* certificate,
                                              const std::set<std::string>& handled) {
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    if (X509_EXTENSION_get_critical(extension) == 0 || X509_supported_extension(extension) != 0)
      continue;
    char oid[128] = {};
    OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(extension), 1);
    if (!handled.contains(oid)) return oid;
  }
  return {};
}

Error time_error(X509_STORE_CTX* context, std::string what) {
  Error error = incomplete(rules::chain_time, std::move(what));
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (certificate != nullptr) error.within(shown(certificate));
  return error;
}

// deferred gives the error for findings that mean "cannot tell", nothing for all others.
std::optional<Error> deferred(X509_STORE_CTX* context) {
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return time_error(context, "a certificate has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return time_error(context, "a certificate is not valid yet");
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return incomplete(rules::chain_crl, "a CRL has expired").next("fetch the present one");
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return incomplete(rules::chain_crl, "a CRL is not valid yet");
    default:
      return {};
  }
}

int on_finding(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  auto& findings = *static_cast<Findings*>(X509_STORE_CTX_get_app_data(context));
  const int error = X509_STORE_CTX_get_error(context);
  if (error == X509_V_ERR_UNABLE_TO_GET_CRL) {
    if (findings.rules->require_crl && !findings.incomplete)
      findings.incomplete = incomplete(rules::chain_crl, "no CRL speaks of a certificate")
                                .within(shown(X509_STORE_CTX_get_current_cert(context)));
    return 1;
  }
  if (error == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION &&
      X509_STORE_CTX_get_error_depth(context) == 0)
    return unhandled_critical(X509_STORE_CTX_get_current_cert(context),
                              findings.rules->handled_critical)
                   .has_value()
               ? 0
               : 1;
  if (auto reason = deferred(context)) {
    if (!findings.incomplete) findings.incomplete = std::move(reason);
    return 1;
  }
  return 0;
}

Error chain_error(X509_STORE_CTX* context) {
  const int code = X509_STORE_CTX_get_error(context);
  X509* certificate = X509_STORE_CTX_get_current_cert(context);
  const std::string where = shown(certificate);
  switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
      Error error = incomplete(rules::chain_no_issuer, "the issuer of a certificate is not here");
      if (certificate != nullptr) {
        openssl::Bio bio(BIO_new(BIO_s_mem()));
        if (!bio) throw std::bad_alloc();
        X509_NAME_print_ex(bio.get(), X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253);
        error.expected("a certificate of " + printable(openssl::text_of(bio.get())));
      }
      return std::move(error).within(where);
    }
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return refused(rules::chain_untrusted_root, "the chain ends in a root that is not trusted")
          .within(where);
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
      return refused(rules::chain_signature, "the certificate's signature does not hold")
          .within(where);
    case X509_V_ERR_CERT_REVOKED:
      return refused(rules::chain_revoked, "the certificate is revoked").within(where);
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
      return refused(rules::chain_crl, "the signature of a CRL does not hold").within(where);
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return refused(rules::chain_critical, "a critical extension is not understood")
          .found(certificate != nullptr ? unhandled_critical(certificate, {}).value_or("") : "")
          .within(where);
    default:
      return refused(rules::chain_invalid,
                     std::string("the chain is not valid: ") + X509_verify_cert_error_string(code))
          .within(where);
  }
}

Status check_strength(const Certificate& certificate, bool allow_sha1) {
  int hash = NID_undef;
  int key_type = NID_undef;
  int bits = 0;
  std::uint32_t flags = 0;
  if (X509_get_signature_info(certificate.openssl(), &hash, &key_type, &bits, &flags) != 1)
    return fail(refused(rules::chain_weak, "the algorithm of a signature is not known")
                    .within(certificate.subject()));
  const bool tolerated = hash == NID_sha1 && allow_sha1;
  if (bits < min_security_bits && !tolerated)
    return fail(refused(rules::chain_weak, "a certificate is signed with a weak digest")
                    .expected("SHA-256 or better")
                    .found(OBJ_nid2sn(hash))
                    .within(certificate.subject()));
  return {};
}

Status check_key_strength(const Certificate& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate.openssl());
  if (key == nullptr || EVP_PKEY_get_security_bits(key) < min_security_bits)
    return fail(refused(rules::chain_weak, "a certificate's key is too weak, or unknown")
                    .expected("at least 112 bits of security")
                    .within(certificate.subject()));
  return {};
}

Result<openssl::X509Store> make_store(const std::vector<Certificate>& roots,
                                      const ChainRules& chain_rules) {
  openssl::X509Store store(X509_STORE_new());
  if (!store) throw std::bad_alloc();
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.openssl());
  for (const Bytes& der : chain_rules.crls) {
    const unsigned char* at = openssl::data(ByteView(der));
    const openssl::X509Crl crl(
        der.size() > max_crl ? nullptr : d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (!crl || at != openssl::data(ByteView(der)) + der.size())
      return fail(refused(rules::chain_crl, "a CRL is not in DER"));
    X509_STORE_add_crl(store.get(), crl.get());
  }
  return store;
}

void set_parameters(X509_STORE_CTX* context, const ChainRules& chain_rules) {
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, unix_seconds(chain_rules.at));
  // OpenSSL counts the intermediates between leaf and root.
  X509_VERIFY_PARAM_set_depth(
      parameters, chain_rules.max_length > 2 ? static_cast<int>(chain_rules.max_length - 2) : 0);
  unsigned long flags = 0;
  if (!chain_rules.crls.empty() || chain_rules.require_crl)
    flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  // X509_V_FLAG_X509_STRICT is left off: it asks for key identifiers and a criticality of
  // extensions that the roots of TPM and GPU makers lack. What protects (constraints, path length,
  // key usage) OpenSSL checks without it.
  X509_VERIFY_PARAM_set_flags(parameters, flags);
}

Result<std::vector<Certificate>> chain_of(X509_STORE_CTX* context) {
  std::vector<Certificate> chain;
  STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(built); ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(built, i), &der);
    if (size <= 0) throw std::bad_alloc();
    const Bytes copy = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
    OPENSSL_free(der);
    TRY(Certificate certificate, Certificate::from_der(copy));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

Status check_leaf(const Certificate& leaf, const ChainRules& chain_rules) {
  if (leaf.is_ca() && !chain_rules.leaf_may_be_ca)
    return fail(refused(rules::chain_leaf_is_ca, "an authority's certificate stands as the leaf")
                    .within(leaf.subject()));
  if (chain_rules.required_eku && !leaf.extended_key_usage().contains(*chain_rules.required_eku)) {
    std::string found;
    for (const std::string& usage : leaf.extended_key_usage())
      found += (found.empty() ? "" : ", ") + usage;
    return fail(refused(rules::chain_eku, "the certificate is not for this use")
                    .expected("extended key usage " + *chain_rules.required_eku)
                    .found(found.empty() ? "none" : found)
                    .within(leaf.subject()));
  }
  return {};
}

}  // namespace

Result<VerifiedChain> verify_chain(const Certificate& leaf,
                                   const std::vector<Certificate>& intermediates,
                                   const std::vector<Certificate>& roots,
                                   const ChainRules& chain_rules) {
  const openssl::CleanErrors clean;
  TRY(const openssl::X509Store store, make_store(roots, chain_rules));
  const std::unique_ptr<STACK_OF(X509), FreeStack> untrusted(sk_X509_new_null());
  const openssl::X509StoreContext context(X509_STORE_CTX_new());
  if (!untrusted || !context) throw std::bad_alloc();
  // The stack borrows; the certificates are kept by the caller.
  for (const Certificate& certificate : intermediates)
    if (sk_X509_push(untrusted.get(), certificate.openssl()) == 0) throw std::bad_alloc();
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf.openssl(), untrusted.get()) != 1)
    throw std::bad_alloc();
  set_parameters(context.get(), chain_rules);
  Findings findings{&chain_rules, {}};
  X509_STORE_CTX_set_app_data(context.get(), &findings);
  X509_STORE_CTX_set_verify_cb(context.get(), on_finding);
  if (X509_verify_cert(context.get()) != 1) return fail(chain_error(context.get()));

  TRY(std::vector<Certificate> chain, chain_of(context.get()));
  if (chain.size() > chain_rules.max_length)
    return fail(refused(rules::chain_invalid, "the chain is too long")
                    .expected("at most " + std::to_string(chain_rules.max_length))
                    .found(std::to_string(chain.size())));
  TRY_VOID(check_leaf(chain.front(), chain_rules));
  for (const Certificate& certificate : chain) TRY_VOID(check_key_strength(certificate));
  // The root's signature over itself proves nothing and is not relied on.
  for (std::size_t i = 0; i + 1 < chain.size(); ++i)
    TRY_VOID(check_strength(chain[i], chain_rules.allow_sha1));
  if (findings.incomplete) return fail(*std::move(findings.incomplete));
  return VerifiedChain(std::move(chain));
}

}  // namespace attest
