#include "libattest/crypto/digest.h"

#include "tests/support/catch.h"

namespace attest {

// FIPS 180-4, the one-block message "abc".
TEST_CASE("digests of abc are those of the standard") {
  const ByteView abc = as_bytes("abc");
  CHECK(to_hex(digest(HashAlgorithm::sha1, abc)) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(to_hex(sha256(abc)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(digest(HashAlgorithm::sha384, abc)).starts_with("cb00753f45a35e8bb5a03d699ac65007"));
  CHECK(to_hex(digest(HashAlgorithm::sha512, abc)).starts_with("ddaf35a193617abacc417349ae204131"));
}

TEST_CASE("pieces hash as the whole, and a finished hasher starts anew") {
  Hasher hasher;
  hasher.update(as_bytes("a"));
  hasher.update(as_bytes("bc"));
  CHECK(hasher.finish_sha256() == sha256(as_bytes("abc")));
  hasher.update(as_bytes("abc"));
  hasher.reset();
  hasher.update(as_bytes("abc"));
  CHECK(hasher.finish_sha256() == sha256({as_bytes("ab"), as_bytes("c")}));
}

TEST_CASE("a digest URI has one spelling") {
  const Sha256 value = sha256(as_bytes("abc"));
  CHECK(must(parse_digest_uri(digest_uri(value))) == value);
  std::string upper = digest_uri(value);
  upper[7] = 'B';
  REQUIRE_RULE(parse_digest_uri(upper), rules::digest_form);
  REQUIRE_RULE(parse_digest_uri(digest_uri(value) + "0"), rules::digest_form);
  REQUIRE_RULE(parse_digest_uri("sha512:" + to_hex(value)), rules::digest_form);
  REQUIRE_RULE(hash_by_name("md5"), rules::hash_unknown);
}

}  // namespace attest
