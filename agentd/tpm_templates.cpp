#include "agentd/tpm_templates.h"

#include <algorithm>

namespace attest::agentd {
namespace {

// PolicySecret(TPM_RH_ENDORSEMENT): PolicyA of the profile (section B.3) for SHA-256, and PolicyB
// (B.6.3), which also lets the administrator in, for SHA-384.
constexpr std::string_view policy_a_sha256 =
    "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
constexpr std::string_view policy_b_sha384 =
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f8"
    "0e12";
constexpr std::string_view policy_a_sha384 =
    "8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e143e8bb1133824ccb431053871c6"
    "db53";
constexpr std::string_view policy_c_sha384 =
    "d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5b4947c2d73e63005eed2dc2b3593"
    "d165";

constexpr TPMA_OBJECT ek_attributes =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;

void set_policy(TPM2B_DIGEST& policy, std::string_view hex) {
  const Bytes bytes = *from_hex(hex);
  policy.size = static_cast<UINT16>(bytes.size());
  std::ranges::copy(bytes, reinterpret_cast<std::byte*>(policy.buffer));
}

TPMT_SYM_DEF_OBJECT aes_cfb(UINT16 bits) {
  TPMT_SYM_DEF_OBJECT symmetric{};
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = bits;
  symmetric.mode.aes = TPM2_ALG_CFB;
  return symmetric;
}

TPM2B_PUBLIC rsa_ek() {
  TPM2B_PUBLIC area{};
  TPMT_PUBLIC& key = area.publicArea;
  key.type = TPM2_ALG_RSA;
  key.nameAlg = TPM2_ALG_SHA256;
  key.objectAttributes = ek_attributes;
  set_policy(key.authPolicy, policy_a_sha256);
  key.parameters.rsaDetail.symmetric = aes_cfb(128);
  key.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  key.parameters.rsaDetail.keyBits = 2048;
  key.unique.rsa.size = 256;  // of zeros: the low-range templates fill `unique`
  return area;
}

TPM2B_PUBLIC ecc_ek(TPM2_ECC_CURVE curve) {
  const bool p256 = curve == TPM2_ECC_NIST_P256;
  TPM2B_PUBLIC area{};
  TPMT_PUBLIC& key = area.publicArea;
  key.type = TPM2_ALG_ECC;
  key.nameAlg = p256 ? TPM2_ALG_SHA256 : TPM2_ALG_SHA384;
  key.objectAttributes = ek_attributes | (p256 ? 0U : TPMA_OBJECT_USERWITHAUTH);
  set_policy(key.authPolicy, p256 ? policy_a_sha256 : policy_b_sha384);
  key.parameters.eccDetail.symmetric = aes_cfb(p256 ? 128 : 256);
  key.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
  key.parameters.eccDetail.curveID = curve;
  key.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
  const UINT16 filled = p256 ? 32 : 0;
  key.unique.ecc.x.size = filled;
  key.unique.ecc.y.size = filled;
  return area;
}

}  // namespace

TPML_DIGEST ek_policy_branches() {
  TPML_DIGEST branches{};
  branches.count = 2;
  set_policy(branches.digests[0], policy_a_sha384);
  set_policy(branches.digests[1], policy_c_sha384);
  return branches;
}

TPM2B_PUBLIC ek_template(EkKind kind) {
  switch (kind) {
    case EkKind::ecc_p256:
      return ecc_ek(TPM2_ECC_NIST_P256);
    case EkKind::ecc_p384:
      return ecc_ek(TPM2_ECC_NIST_P384);
    case EkKind::rsa2048:
      return rsa_ek();
  }
  return rsa_ek();
}

TPM2B_PUBLIC ak_template() {
  TPM2B_PUBLIC area{};
  TPMT_PUBLIC& key = area.publicArea;
  key.type = TPM2_ALG_ECC;
  key.nameAlg = TPM2_ALG_SHA256;
  key.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                         TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                         TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
  key.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
  key.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
  key.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  key.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
  key.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
  return area;
}

}  // namespace attest::agentd
