#include "libattest/tpm/efi_signature_list.h"
#include "tests/support/catch.h"

namespace attest::tpm {
namespace {

const char* const sha256_guid = "2616c4c14c509240aca941f936934328";

Bytes list(const char* guid, std::uint32_t signature_size, std::size_t count,
           std::uint32_t list_size_added = 0) {
  Bytes bytes = must(from_hex(guid));
  append_u32_le(bytes, 28 + static_cast<std::uint32_t>(count) * signature_size + list_size_added);
  append_u32_le(bytes, 0);
  append_u32_le(bytes, signature_size);
  for (std::size_t i = 0; i < count; ++i) append(bytes, Bytes(signature_size, std::byte{7}));
  return bytes;
}

TEST_CASE("signature lists give each signature with its kind and owner") {
  const Bytes two = list(sha256_guid, 48, 2);
  const auto signatures = must(parse_signature_lists(two));
  REQUIRE(signatures.size() == 2);
  REQUIRE(signatures.front().kind == SignatureKind::sha256);
  REQUIRE(signatures.front().data.size() == 32);
  REQUIRE(must(parse_signature_lists({})).empty());
}

TEST_CASE("lists whose sizes lie are refused") {
  for (const Bytes& bytes :
       {list(sha256_guid, 48, 2, 1), list(sha256_guid, 48, 2, 48), list(sha256_guid, 49, 2),
        list(sha256_guid, 0, 0), list(sha256_guid, 15, 2)})
    REQUIRE_RULE(parse_signature_lists(bytes), rules::signature_list_form);
  Bytes huge = list(sha256_guid, 48, 1);
  for (std::size_t i = 16; i < 20; ++i) huge[i] = std::byte{0xff};
  REQUIRE_RULE(parse_signature_lists(huge), rules::signature_list_form);
}

TEST_CASE("only an update signed by PKCS #7 is an authenticated variable") {
  Bytes update(16);
  append_u32_le(update, 24 + 3);
  append_u16_le(update, 0x0200);
  append_u16_le(update, 0x0ef1);
  append(update, must(from_hex("9dd2af4adf68ee498aa9347d375665a7")));
  append(update, as_bytes("sig"));
  append(update, list(sha256_guid, 48, 1));
  const auto variable = must(parse_authenticated_variable(update));
  REQUIRE(as_text(variable.pkcs7) == "sig");
  REQUIRE(must(parse_signature_lists(variable.content)).size() == 1);
  update[24] = std::byte{0};
  REQUIRE_RULE(parse_authenticated_variable(update), rules::authenticated_variable_form);
}

}  // namespace
}  // namespace attest::tpm
