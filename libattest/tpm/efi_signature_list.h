// EFI signature lists (UEFI 2.10 section 32.4.1): what PK, KEK, db, dbx and MOK lists hold, and the
// signed form in which updates of them travel (section 8.2.2). Pure functions over untrusted bytes.
#pragma once

#include <string>
#include <vector>

#include "libattest/base/bytes.h"

namespace attest::tpm {

// What a signature is of, as far as the standard's GUIDs name it.
enum class SignatureKind { x509, sha256, sha384, sha512, sha1, x509_sha256, rsa2048, other };

std::string_view to_string(SignatureKind kind);

struct EfiSignature {
  SignatureKind kind = SignatureKind::other;
  std::string type_guid;
  std::string owner_guid;
  ByteView data;  // borrowed: a certificate in DER, a digest, …
};

// parse_signature_lists refuses lists whose sizes do not add up to what is there. An empty variable
// holds no list.
Result<std::vector<EfiSignature>> parse_signature_lists(ByteView lists);

// AuthenticatedVariable is EFI_VARIABLE_AUTHENTICATION_2 and what follows it.
struct AuthenticatedVariable {
  std::uint16_t year = 0;
  std::uint8_t month = 0;
  std::uint8_t day = 0;
  ByteView pkcs7;    // SignedData over the variable; not checked here
  ByteView content;  // the new value
};
Result<AuthenticatedVariable> parse_authenticated_variable(ByteView update);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule signature_list_form{"tpm.signature-list.form"};
inline constexpr Rule authenticated_variable_form{"tpm.signature-list.authenticated-variable"};
}  // namespace attest::rules
