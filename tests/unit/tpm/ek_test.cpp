#include "libattest/tpm/ek.h"

#include "libattest/tpm/credential.h"
#include "tests/support/catch.h"
#include "tests/support/test_ca.h"
#include "tests/unit/tpm/made_quote.h"

namespace attest::tpm {
namespace {

constexpr std::uint32_t ek_attributes = 0x000300b2;
const Time now = from_unix(1'800'000'000);

const PublicKey& ek_key() {
  static const auto key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  return key->public_key();
}

UntrustedPublic ek_area(std::uint32_t attributes = ek_attributes) {
  return must(parse_public(
      MadeKey{.attributes = attributes, .symmetric = alg_aes, .scheme = alg_null}.area(ek_key())));
}

const test::Certified& manufacturer() {
  static const auto root = test::Certified::root({.common_name = "TPM maker", .is_ca = true});
  return root;
}

Certificate certificate(std::vector<std::string> usage, bool is_ca = false) {
  return manufacturer().certify({.common_name = "EK", .is_ca = is_ca, .eku = std::move(usage)},
                                ek_key());
}

Certificate ek_certificate() {
  return certificate({std::string(ek_certificate_usage)});
}

EkRules rules_of(std::vector<Certificate> roots) {
  return {.at = now, .roots = std::move(roots), .intermediates = {}, .crls = {}};
}

Result<VerifiedEk> verify(const Certificate& leaf, UntrustedPublic area = ek_area()) {
  return verify_ek(leaf, std::move(area), rules_of({manufacturer().certificate()}));
}

TEST_CASE("an EK that its maker's certificate names is verified") {
  const VerifiedEk ek = must(verify(ek_certificate()));
  REQUIRE(ek.identity() == ek_key().thumbprint());
}

TEST_CASE("a certificate without the EK usage, or of a CA, is refused") {
  REQUIRE_RULE(verify(certificate({"1.3.6.1.5.5.7.3.1"})), rules::chain_eku);
  REQUIRE_RULE(verify(certificate({std::string(ek_certificate_usage)}, true)),
               rules::chain_leaf_is_ca);
}

TEST_CASE("a certificate of an unknown maker is not believed") {
  const auto other = test::Certified::root({.common_name = "other maker", .is_ca = true});
  REQUIRE_FALSE(
      verify_ek(ek_certificate(), ek_area(), rules_of({other.certificate()})).has_value());
}

TEST_CASE("a certificate of another key is refused") {
  const auto other = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  const Certificate leaf = manufacturer().certify(
      {.common_name = "EK", .eku = {std::string(ek_certificate_usage)}}, other->public_key());
  REQUIRE_RULE(verify(leaf), rules::ek_key_differs);
}

TEST_CASE("a key that is no restricted decryption key of one TPM is no EK") {
  using enum KeyAttribute;
  for (const KeyAttribute each :
       {restricted, decrypt, fixed_tpm, fixed_parent, sensitive_data_origin})
    REQUIRE_RULE(
        verify(ek_certificate(), ek_area(ek_attributes & ~static_cast<std::uint32_t>(each))),
        rules::ek_attributes);
  REQUIRE_RULE(verify(ek_certificate(), ek_area(ek_attributes | static_cast<std::uint32_t>(sign))),
               rules::ek_attributes);
}

TEST_CASE("certificates in NV may be padded, or have the old header, and nothing else") {
  const Bytes der = ek_certificate().der();
  const auto reads_as_itself = [&](const Bytes& nv) {
    return must(certificate_from_nv(nv)).der() == der;
  };
  REQUIRE(reads_as_itself(der));
  REQUIRE(reads_as_itself(concat({der, Bytes(100)})));
  REQUIRE(reads_as_itself(concat({der, Bytes(100, std::byte{0xff})})));
  REQUIRE(reads_as_itself(concat({must(from_hex("10010003001002")), der})));
  REQUIRE_RULE(certificate_from_nv(concat({der, must(from_hex("0001"))})),
               rules::ek_certificate_form);
  REQUIRE_RULE(certificate_from_nv(ByteView(der).first(der.size() - 1)),
               rules::ek_certificate_form);
  REQUIRE_RULE(certificate_from_nv(Bytes(64)), rules::ek_certificate_form);
}

TEST_CASE("moduli of the weak generator are told from others") {
  // Every power of 65537 has the fingerprint; here 65537^16, and a neighbour that has not.
  const Bytes weak = must(from_hex("010001"));
  REQUIRE(has_roca_fingerprint(weak));
  REQUIRE_FALSE(has_roca_fingerprint(must(from_hex("010003"))));
}

TEST_CASE("a credential can be made only for a storage key, and for a secret that fits") {
  const Bytes name(34, std::byte{1});
  REQUIRE_OK(make_credential(ek_area(), name, Bytes(32), system_random()));
  REQUIRE_RULE(make_credential(ek_area(), name, {}, system_random()), rules::credential_secret);
  REQUIRE_RULE(make_credential(ek_area(), name, Bytes(33), system_random()),
               rules::credential_secret);
  const UntrustedPublic signing = must(parse_public(MadeKey{}.area(ek_key())));
  REQUIRE_RULE(make_credential(signing, name, Bytes(32), system_random()), rules::credential_ek);
}

}  // namespace
}  // namespace attest::tpm
