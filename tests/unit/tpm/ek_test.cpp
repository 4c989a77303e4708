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
  REQUIRE_RULE(verify(certificate({"1.3.6.1.5.5.7.3.1"})), rules::ek_usage);
  REQUIRE_RULE(verify(certificate({})), rules::ek_usage);
  REQUIRE_RULE(verify(certificate({std::string(ek_certificate_usage)}, true)),
               rules::chain_leaf_is_ca);
}

TEST_CASE("a certificate without any usage counts under an authority for endorsement keys alone") {
  const auto maker = test::Certified::root({.common_name = "vTPM maker", .is_ca = true});
  const auto issue = [&](std::vector<std::string> usage) {
    const auto authority =
        maker.issue({.common_name = "EK CA", .is_ca = true, .eku = std::move(usage)});
    EkRules rules = rules_of({maker.certificate()});
    rules.intermediates = {authority.certificate()};
    return verify_ek(authority.certify({.common_name = "EK"}, ek_key()), ek_area(), rules);
  };
  REQUIRE_OK(issue({std::string(ek_certificate_usage)}));
  REQUIRE_RULE(issue({std::string(ek_certificate_usage), "1.3.6.1.5.5.7.3.1"}), rules::ek_usage);
  REQUIRE_RULE(issue({}), rules::ek_usage);
}

TEST_CASE("an intermediate forged under a genuine one's name is refused") {
  const auto stranger = test::Certified::root({.common_name = "TPM maker", .is_ca = true});
  const auto forged = stranger.issue({.common_name = "EK CA", .is_ca = true});
  EkRules rules = rules_of({manufacturer().certificate()});
  rules.intermediates = {forged.certificate()};
  const Certificate leaf =
      forged.certify({.common_name = "EK", .eku = {std::string(ek_certificate_usage)}}, ek_key());
  const auto found = verify_ek(leaf, ek_area(), rules);
  REQUIRE_FALSE(found.has_value());
  const bool by_signature =
      found.error().rule == rules::chain_signature || found.error().rule == rules::chain_no_issuer;
  REQUIRE(by_signature);
}

TEST_CASE("an unknown critical extension is refused, the TPM's alternative name is not") {
  REQUIRE_RULE(verify(manufacturer().certify({.common_name = "EK",
                                              .eku = {std::string(ek_certificate_usage)},
                                              .critical_extension = "1.3.6.1.4.1.55555.1"},
                                             ek_key())),
               rules::chain_critical);
}

TEST_CASE("a revoked EK is refused, an expired certificate is incomplete") {
  const Certificate leaf = ek_certificate();
  EkRules rules = rules_of({manufacturer().certificate()});
  rules.crls = {manufacturer().crl({leaf}, now - Seconds(1000), now + Seconds(1000))};
  REQUIRE_RULE(verify_ek(leaf, ek_area(), rules), rules::chain_revoked);
  rules.crls = {manufacturer().crl({}, now - Seconds(1000), now + Seconds(1000))};
  REQUIRE_OK(verify_ek(leaf, ek_area(), rules));
  rules.at = from_unix(2'100'000'000);
  const auto expired = verify_ek(leaf, ek_area(), rules);
  REQUIRE_FALSE(expired.has_value());
  REQUIRE(expired.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a chain in NV is read to its padding") {
  const Bytes leaf = ek_certificate().der();
  const Bytes& root = manufacturer().certificate().der();
  const auto chain = must(read_certificates(concat({leaf, root, Bytes(40)})));
  REQUIRE(chain.size() == 2);
  REQUIRE(chain[0].der() == leaf);
  REQUIRE_FALSE(read_certificates(concat({leaf, root, Bytes(40, std::byte{1})})));
}

TEST_CASE("a certificate that is not strict DER is told from one that is broken") {
  // The serial number with a leading zero more; every length around it grows by one.
  Bytes der = ek_certificate().der();
  REQUIRE(der[1] == std::byte{0x82});
  const std::size_t serial = 4 + 4 + 5;
  REQUIRE(der[serial] == std::byte{0x02});
  const auto grow = [&](std::size_t at, unsigned by) {
    const unsigned size =
        (std::to_integer<unsigned>(der[at]) << 8) + std::to_integer<unsigned>(der[at + 1]) + by;
    der[at] = static_cast<std::byte>(size >> 8);
    der[at + 1] = static_cast<std::byte>(size & 0xff);
  };
  grow(2, 2);
  grow(6, 2);
  der[serial + 1] = static_cast<std::byte>(std::to_integer<unsigned>(der[serial + 1]) + 2);
  der.insert(der.begin() + static_cast<std::ptrdiff_t>(serial) + 2, 2, std::byte{0});
  const auto odd = read_certificates(der);
  REQUIRE_RULE(odd, rules::ek_not_strict_der);
  REQUIRE(odd.error().kind == ErrorKind::incomplete);
  const auto broken = read_certificates(Bytes(200, std::byte{0x30}));
  REQUIRE_FALSE(broken.has_value());
  REQUIRE(broken.error().kind == ErrorKind::refused);
  REQUIRE_RULE(read_certificates(as_bytes("-----BEGIN ATTRIBUTE CERTIFICATE-----\n")),
               rules::ek_attribute_certificate);
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

TEST_CASE("an EK whose key the weak generator made is refused, however genuine its certificate") {
  Bytes modulus{std::byte{1}};
  for (int power = 0; power < 128; ++power) {
    // Times 65537: the number, two bytes up, and itself.
    Bytes sum(modulus.size() + 2);
    std::copy(modulus.begin(), modulus.end(), sum.begin());
    unsigned carry = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      std::byte& digit = sum[sum.size() - 1 - i];
      const unsigned other =
          i < modulus.size() ? std::to_integer<unsigned>(modulus[modulus.size() - 1 - i]) : 0;
      const unsigned value = std::to_integer<unsigned>(digit) + other + carry;
      digit = static_cast<std::byte>(value);
      carry = value >> 8;
    }
    modulus = sum;
  }
  while (modulus.front() == std::byte{0}) modulus.erase(modulus.begin());
  const auto certified = [](const Bytes& number) {
    const PublicKey key = must(PublicKey::from_rsa(number, must(from_hex("010001"))));
    return verify_ek_certificate(
        manufacturer().certify({.common_name = "EK", .eku = {std::string(ek_certificate_usage)}},
                               key),
        rules_of({manufacturer().certificate()}));
  };
  REQUIRE_RULE(certified(modulus), rules::ek_roca);
  modulus.back() ^= std::byte{2};
  REQUIRE_OK(certified(modulus));
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
