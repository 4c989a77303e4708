#include "libattest/tpm/key.h"

#include <array>

namespace attest::tpm {
namespace {

// Reserved bits of TPMA_OBJECT must be clear (TPM 2.0 Part 2 section 8.3.2): 0, 3, 8-9, 12-15,
// 20-31.
constexpr std::uint32_t reserved_attributes = 0xfff0f309U;

std::string hex_id(std::uint32_t id) {
  Bytes bytes;
  append_u16_be(bytes, static_cast<std::uint16_t>(id));
  return "0x" + to_hex(bytes);
}

Error unsupported(std::string what, AlgorithmId id) {
  return refused(rules::public_unsupported, std::move(what)).found(hex_id(id));
}

Result<ByteView> sized(ByteReader& reader, std::string_view field) {
  TRY(const std::uint16_t size, reader.u16_be(field));
  return reader.take(size, field);
}

Result<HashAlgorithm> read_hash(ByteReader& reader, std::string_view field) {
  TRY(const AlgorithmId id, reader.u16_be(field));
  const auto hash = hash_of(id);
  if (!hash) return fail(unsupported(std::string(field) + " is no hash known here", id));
  return *hash;
}

// TPMT_SYM_DEF_OBJECT.
Status read_symmetric(ByteReader& reader, KeyParameters& parameters) {
  TRY(parameters.symmetric, reader.u16_be("symmetric"));
  if (parameters.symmetric == alg_null) return {};
  if (parameters.symmetric != alg_aes)
    return fail(unsupported("symmetric algorithm of the key is not AES", parameters.symmetric));
  TRY(parameters.symmetric_bits, reader.u16_be("symmetric.keyBits"));
  TRY(parameters.symmetric_mode, reader.u16_be("symmetric.mode"));
  return {};
}

// TPMT_RSA_SCHEME and TPMT_ECC_SCHEME, which differ only in what they allow.
Status read_scheme(ByteReader& reader, KeyParameters& parameters) {
  TRY(parameters.scheme, reader.u16_be("scheme"));
  switch (parameters.scheme) {
    case alg_null:
    case alg_rsaes:
      return {};
    case alg_rsassa:
    case alg_rsapss:
    case alg_oaep:
    case alg_ecdsa:
    case alg_ecdh: {
      TRY(parameters.scheme_hash, read_hash(reader, "scheme hash"));
      return {};
    }
    default:
      return fail(unsupported("scheme of the key is not known here", parameters.scheme));
  }
}

Result<PublicKey> read_rsa(ByteReader& reader) {
  TRY(const std::uint16_t bits, reader.u16_be("keyBits"));
  TRY(const std::uint32_t exponent, reader.u32_be("exponent"));
  TRY(const ByteView modulus, sized(reader, "modulus"));
  if (modulus.size() * 8 != bits)
    return fail(refused(rules::public_form, "modulus has another length than keyBits says")
                    .expected(std::to_string(bits) + " bits")
                    .found(std::to_string(modulus.size() * 8)));
  Bytes exponent_bytes;
  append_u32_be(exponent_bytes, exponent == 0 ? 65537 : exponent);  // 0 is the default (12.2.3.5)
  return PublicKey::from_rsa(modulus, exponent_bytes);
}

Result<KeyKind> read_curve(ByteReader& reader) {
  TRY(const std::uint16_t id, reader.u16_be("curve"));
  switch (id) {
    case 0x0003:
      return KeyKind::ecdsa_p256;
    case 0x0004:
      return KeyKind::ecdsa_p384;
    case 0x0005:
      return KeyKind::ecdsa_p521;
    default:
      return fail(unsupported("curve of the key is not P-256, P-384 or P-521", id));
  }
}

Result<PublicKey> read_ecc(ByteReader& reader) {
  TRY(const KeyKind curve, read_curve(reader));
  TRY(const AlgorithmId kdf, reader.u16_be("kdf"));
  if (kdf != alg_null) TRY_VOID(read_hash(reader, "kdf hash"));
  TRY(const ByteView x, sized(reader, "x"));
  TRY(const ByteView y, sized(reader, "y"));
  return PublicKey::from_ec_point(curve, x, y);
}

}  // namespace

Result<UntrustedPublic> parse_public(ByteView tpmt_public) {
  ByteReader reader(tpmt_public);
  TRY(const AlgorithmId type, reader.u16_be("type"));
  if (type != alg_rsa && type != alg_ecc)
    return fail(unsupported("key is neither RSA nor ECC", type));
  TRY(const HashAlgorithm name_algorithm, read_hash(reader, "nameAlg"));
  TRY(const std::uint32_t attributes, reader.u32_be("objectAttributes"));
  if ((attributes & reserved_attributes) != 0)
    return fail(refused(rules::public_form, "reserved attribute bits are set")
                    .found(std::to_string(attributes & reserved_attributes)));
  TRY(const ByteView policy, sized(reader, "authPolicy"));
  if (!policy.empty() && policy.size() != digest_size(name_algorithm))
    return fail(refused(rules::public_form, "authPolicy is no digest by nameAlg")
                    .expected(std::to_string(digest_size(name_algorithm)) + " bytes")
                    .found(std::to_string(policy.size())));

  KeyParameters parameters;
  TRY_VOID(read_symmetric(reader, parameters));
  TRY_VOID(read_scheme(reader, parameters));
  TRY(PublicKey key, type == alg_rsa ? read_rsa(reader) : read_ecc(reader));
  TRY_VOID(reader.finish("TPMT_PUBLIC"));

  Bytes name;
  append_u16_be(name, id_of(name_algorithm));
  append(name, digest(name_algorithm, tpmt_public));
  return UntrustedPublic{.bytes = to_bytes(tpmt_public),
                         .type = type,
                         .name_algorithm = name_algorithm,
                         .attributes = attributes,
                         .auth_policy = to_bytes(policy),
                         .parameters = parameters,
                         .key = std::move(key),
                         .name = std::move(name)};
}

Result<UntrustedPublic> parse_sized_public(ByteView tpm2b_public) {
  ByteReader reader(tpm2b_public);
  TRY(const ByteView area, sized(reader, "TPM2B_PUBLIC"));
  TRY_VOID(reader.finish("TPM2B_PUBLIC"));
  return parse_public(area);
}

Result<UntrustedPublic> parse_any_public(ByteView bytes) {
  // A TPMT_PUBLIC begins with its type, 0x0001 or 0x0023: as a TPM2B's size neither fits a key.
  ByteReader reader(bytes);
  TRY(const std::uint16_t first, reader.u16_be("TPMT_PUBLIC or TPM2B_PUBLIC"));
  return first == alg_rsa || first == alg_ecc ? parse_public(bytes) : parse_sized_public(bytes);
}

Bytes sized_public(const UntrustedPublic& area) {
  Bytes bytes;
  append_u16_be(bytes, static_cast<std::uint16_t>(area.bytes.size()));
  append(bytes, area.bytes);
  return bytes;
}

namespace {

Status require(const UntrustedPublic& area, KeyAttribute attribute, bool wanted, Rule rule,
               std::string_view name, std::string_view why) {
  if (area.has(attribute) == wanted) return {};
  return fail(refused(rule, "the attestation key is unfit: " + std::string(why))
                  .expected(std::string(name) + (wanted ? " set" : " clear"))
                  .found(wanted ? "clear" : "set"));
}

Result<SignatureScheme> scheme_of(const UntrustedPublic& area) {
  const auto& [symmetric, bits, mode, scheme, hash] = area.parameters;
  const bool fits =
      area.type == alg_rsa ? scheme == alg_rsassa || scheme == alg_rsapss : scheme == alg_ecdsa;
  if (!fits || !hash)
    return fail(refused(rules::ak_scheme, "the attestation key has no signing scheme of its own")
                    .expected(area.type == alg_rsa ? "RSASSA or RSAPSS" : "ECDSA")
                    .found(scheme == alg_null ? "none" : hex_id(scheme)));
  return signature_scheme(scheme, *hash);
}

}  // namespace

SignatureScheme signature_scheme(AlgorithmId scheme, HashAlgorithm hash) {
  using enum SignatureScheme;
  static constexpr std::array ecdsa{ecdsa_sha1, ecdsa_sha256, ecdsa_sha384, ecdsa_sha512};
  static constexpr std::array rsassa{rsa_pkcs1_sha1, rsa_pkcs1_sha256, rsa_pkcs1_sha384,
                                     rsa_pkcs1_sha512};
  static constexpr std::array rsapss{rsa_pss_sha1, rsa_pss_sha256, rsa_pss_sha384, rsa_pss_sha512};
  const auto index = static_cast<std::size_t>(hash);
  if (scheme == alg_ecdsa) return ecdsa[index];
  return scheme == alg_rsassa ? rsassa[index] : rsapss[index];
}

Result<VerifiedAk> verify_ak(UntrustedPublic area, AkRules rules) {
  using enum KeyAttribute;
  TRY_VOID(require(area, restricted, true, rules::ak_restricted, "restricted",
                   "with an unrestricted key anyone on the node can sign a forged quote"));
  TRY_VOID(require(area, sign, true, rules::ak_sign, "sign", "it does not sign"));
  TRY_VOID(require(area, decrypt, false, rules::ak_decrypt, "decrypt",
                   "a key that decrypts is no signing key"));
  TRY_VOID(require(area, fixed_tpm, true, rules::ak_fixed_tpm, "fixedTPM",
                   "it can be moved to another TPM"));
  TRY_VOID(require(area, fixed_parent, true, rules::ak_fixed_parent, "fixedParent",
                   "it can be duplicated under another parent"));
  TRY_VOID(require(area, sensitive_data_origin, true, rules::ak_origin, "sensitiveDataOrigin",
                   "its private part was made outside the TPM"));
  TRY(const SignatureScheme scheme, scheme_of(area));
  const bool sha1 = area.parameters.scheme_hash == HashAlgorithm::sha1 ||
                    area.name_algorithm == HashAlgorithm::sha1;
  if (sha1 && !rules.allow_sha1)
    return fail(refused(rules::ak_sha1, "the attestation key rests on SHA-1")
                    .expected("SHA-256, SHA-384 or SHA-512"));
  return VerifiedAk(std::move(area), scheme);
}

}  // namespace attest::tpm
