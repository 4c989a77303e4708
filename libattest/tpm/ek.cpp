#include "libattest/tpm/ek.h"

#include <algorithm>
#include <array>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

namespace attest::tpm {
namespace {

constexpr std::string_view subject_alternative_name = "2.5.29.17";

Error certificate_form(std::string what) {
  return refused(rules::ek_certificate_form, std::move(what));
}

// A "stored certificate" of TPM 1.2 (TCG PC Client Specific Implementation 1.21 section 7.3.2):
// tag 0x1001, type 0, size, tag 0x1002. Some TPM 2.0 still carry it.
ByteView without_stored_header(ByteView nv) {
  ByteReader reader(nv);
  const auto outer = reader.u16_be("tag");
  const auto type = reader.u8("certificate type");
  const auto size = reader.u16_be("size");
  const auto inner = reader.u16_be("tag");
  const bool stored = outer && type && size && inner && *outer == 0x1001 && *inner == 0x1002;
  return stored ? reader.rest() : nv;
}

// certificate_size reads how long the outer SEQUENCE is, header included.
Result<std::size_t> certificate_size(ByteView bytes) {
  ByteReader reader(bytes);
  TRY(const std::uint8_t tag, reader.u8("DER tag"));
  TRY(const std::uint8_t length, reader.u8("DER length"));
  if (tag != 0x30 || length != 0x82)
    return fail(certificate_form("the NV area does not begin with a certificate")
                    .expected("30 82 …")
                    .found(to_hex(bytes.first(std::min<std::size_t>(bytes.size(), 4)))));
  TRY(const std::uint16_t size, reader.u16_be("DER length"));
  if (size > reader.remaining())
    return fail(certificate_form("the certificate is longer than its NV area")
                    .expected(std::to_string(size) + " bytes")
                    .found(std::to_string(reader.remaining())));
  return 4U + size;
}

}  // namespace

Result<Certificate> certificate_from_nv(ByteView nv) {
  const ByteView content = without_stored_header(nv);
  TRY(const std::size_t size, certificate_size(content));
  const ByteView padding = content.subspan(size);
  const auto all = [&](std::byte value) {
    return std::ranges::all_of(padding, [value](std::byte b) { return b == value; });
  };
  if (!all(std::byte{0}) && !all(std::byte{0xff}))
    return fail(certificate_form("something other than padding follows the certificate")
                    .found(std::to_string(padding.size()) + " bytes"));
  return Certificate::from_der(content.first(size));
}

bool has_roca_fingerprint(ByteView modulus) {
  // In the weak library primes are k·M + (65537^a mod M), M a product of small primes, so modulo
  // each of them N is a power of 65537.
  static constexpr std::array<unsigned, 17> primes{11, 13, 17,  19,  37,  53,  61,  71, 73,
                                                   79, 97, 103, 107, 109, 127, 151, 157};
  for (const unsigned prime : primes) {
    unsigned remainder = 0;
    for (const std::byte octet : modulus)
      remainder = (remainder * 256 + std::to_integer<unsigned>(octet)) % prime;
    unsigned power = 1;
    bool is_power = false;
    for (unsigned i = 0; i < prime && !is_power; ++i) {
      is_power = power == remainder;
      power = power * (65537 % prime) % prime;
    }
    if (!is_power) return false;
  }
  return true;
}

namespace {

struct FreeBignum {
  void operator()(BIGNUM* number) const { BN_free(number); }
};

Result<Bytes> rsa_modulus(const PublicKey& key) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key.openssl(), OSSL_PKEY_PARAM_RSA_N, &raw) != 1)
    return fail(fault(rules::ek_roca, "cannot read the EK's modulus"));
  const std::unique_ptr<BIGNUM, FreeBignum> modulus(raw);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(modulus.get())));
  BN_bn2bin(modulus.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

Status check_roca(const PublicKey& key) {
  if (key.kind() != KeyKind::rsa) return {};
  TRY(const Bytes modulus, rsa_modulus(key));
  if (!has_roca_fingerprint(modulus)) return {};
  return fail(refused(rules::ek_roca,
                      "the EK was made by the weak generator of CVE-2017-15361: its "
                      "private key can be computed from the public one")
                  .next("update the TPM's firmware and make a new EK"));
}

std::string listed(const std::set<std::string>& usages) {
  std::string text;
  for (const std::string& usage : usages) text += (text.empty() ? "" : ", ") + usage;
  return text.empty() ? "none" : text;
}

Status check_usage(const VerifiedChain& chain) {
  const std::string wanted(ek_certificate_usage);
  const std::set<std::string> usages = chain.leaf().extended_key_usage();
  if (usages.contains(wanted)) return {};
  const bool by_issuer = usages.empty() && chain.certificates().size() > 1 &&
                         chain.certificates()[1].extended_key_usage() == std::set{wanted};
  if (by_issuer) return {};
  return fail(refused(rules::ek_usage, "the certificate is not for endorsement keys")
                  .expected("extended key usage " + wanted)
                  .found(listed(usages))
                  .within(chain.leaf().subject()));
}

Status check_attributes(const UntrustedPublic& ek) {
  using enum KeyAttribute;
  static constexpr std::array wanted{
      std::pair{restricted, std::string_view("restricted")},
      std::pair{decrypt, std::string_view("decrypt")},
      std::pair{fixed_tpm, std::string_view("fixedTPM")},
      std::pair{fixed_parent, std::string_view("fixedParent")},
      std::pair{sensitive_data_origin, std::string_view("sensitiveDataOrigin")}};
  for (const auto& [attribute, name] : wanted)
    if (!ek.has(attribute))
      return fail(refused(rules::ek_attributes, "the key is no endorsement key")
                      .expected(std::string(name) + " set")
                      .found("clear"));
  if (ek.has(sign))
    return fail(refused(rules::ek_attributes, "the key is no endorsement key")
                    .expected("sign clear")
                    .found("set"));
  return {};
}

}  // namespace

Result<VerifiedChain> verify_ek_certificate(const Certificate& leaf, const EkRules& rules) {
  // CRLs that do not speak of an issuer say nothing; `require_crl` stays off.
  const ChainRules chain_rules{.at = rules.at,
                               .handled_critical = {std::string(subject_alternative_name)},
                               .crls = rules.crls};
  TRY(VerifiedChain chain, verify_chain(leaf, rules.intermediates, rules.roots, chain_rules));
  TRY_VOID(check_usage(chain));
  TRY(const PublicKey key, leaf.public_key());
  TRY_VOID(check_roca(key));
  return chain;
}

Result<VerifiedEk> verify_ek(const Certificate& leaf, UntrustedPublic ek, const EkRules& rules) {
  TRY(VerifiedChain chain, verify_ek_certificate(leaf, rules));
  TRY(const PublicKey certified, leaf.public_key());
  if (!(certified == ek.key))
    return fail(refused(rules::ek_key_differs, "the EK certificate is of another key")
                    .expected("ek:" + to_hex(certified.thumbprint()))
                    .found("ek:" + to_hex(ek.key.thumbprint())));
  TRY_VOID(check_attributes(ek));
  return VerifiedEk(std::move(ek), std::move(chain));
}

}  // namespace attest::tpm
