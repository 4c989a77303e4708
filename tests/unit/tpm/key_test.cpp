#include "libattest/tpm/key.h"

#include "tests/support/catch.h"
#include "tests/unit/tpm/made_quote.h"

namespace attest::tpm {
namespace {

const PublicKey& some_key() {
  static const auto key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  return key->public_key();
}

Result<VerifiedAk> verify(const MadeKey& made, AkRules rules = {}) {
  return verify_ak(must(parse_public(made.area(some_key()))), rules);
}

std::uint32_t without(KeyAttribute attribute) {
  return ak_attributes & ~static_cast<std::uint32_t>(attribute);
}

TEST_CASE("a restricted signing key of one TPM is fit to be an AK") {
  const VerifiedAk ak = must(verify({}));
  REQUIRE(ak.key() == some_key());
  REQUIRE(ak.scheme() == SignatureScheme::ecdsa_sha256);
  const Bytes area = MadeKey{}.area(some_key());
  REQUIRE(ak.name() == concat({must(from_hex("000b")), digest(HashAlgorithm::sha256, area)}));
}

TEST_CASE("each attribute an AK needs is asked for") {
  REQUIRE_RULE(verify({.attributes = without(KeyAttribute::restricted)}), rules::ak_restricted);
  REQUIRE_RULE(verify({.attributes = without(KeyAttribute::sign)}), rules::ak_sign);
  REQUIRE_RULE(verify({.attributes = without(KeyAttribute::fixed_tpm)}), rules::ak_fixed_tpm);
  REQUIRE_RULE(verify({.attributes = without(KeyAttribute::fixed_parent)}), rules::ak_fixed_parent);
  REQUIRE_RULE(verify({.attributes = without(KeyAttribute::sensitive_data_origin)}),
               rules::ak_origin);
}

TEST_CASE("a key that also decrypts is no AK") {
  REQUIRE_RULE(
      verify({.attributes = ak_attributes | static_cast<std::uint32_t>(KeyAttribute::decrypt)}),
      rules::ak_decrypt);
}

TEST_CASE("an AK has a signing scheme of its own") {
  REQUIRE_RULE(verify({.scheme = alg_null}), rules::ak_scheme);
  REQUIRE_RULE(verify({.scheme = alg_rsassa}), rules::ak_scheme);
}

TEST_CASE("an AK that rests on SHA-1 is refused unless allowed") {
  const MadeKey made{.scheme_hash = alg_sha1};
  REQUIRE_RULE(verify(made), rules::ak_sha1);
  REQUIRE_OK(verify(made, {.allow_sha1 = true}));
  REQUIRE_RULE(verify({.name_algorithm = alg_sha1}), rules::ak_sha1);
}

TEST_CASE("both forms of a public area are read, and no cut of them") {
  const Bytes area = MadeKey{}.area(some_key());
  const UntrustedPublic parsed = must(parse_any_public(area));
  REQUIRE(must(parse_any_public(sized_public(parsed))).bytes == area);
  for (std::size_t size = 0; size < area.size(); ++size)
    REQUIRE_FALSE(parse_public(ByteView(area).first(size)));
  REQUIRE_RULE(parse_public(concat({area, Bytes(1)})), rules::bytes_trailing);
}

TEST_CASE("reserved attribute bits are refused") {
  const Bytes area = MadeKey{.attributes = ak_attributes | 1U}.area(some_key());
  REQUIRE_RULE(parse_public(area), rules::public_form);
}

TEST_CASE("a point off the curve is no key") {
  Bytes area = MadeKey{}.area(some_key());
  area.back() ^= std::byte{1};
  REQUIRE_RULE(parse_public(area), rules::key_form);
}

TEST_CASE("kinds of key not known here are named, not guessed") {
  Bytes area = MadeKey{}.area(some_key());
  area[1] = std::byte{0x25};  // TPM_ALG_SYMCIPHER
  REQUIRE_RULE(parse_public(area), rules::public_unsupported);
}

}  // namespace
}  // namespace attest::tpm
