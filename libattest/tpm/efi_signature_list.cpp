#include "libattest/tpm/efi_signature_list.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libattest/tpm/event_data.h"

namespace attest::tpm {
namespace {

struct Named {
  std::string_view guid;
  SignatureKind kind;
  std::size_t size;  // of the data; 0: any
};

constexpr auto kinds = std::to_array<Named>({
    {"a5c059a1-94e4-4aa7-87b5-ab155c2bf072", SignatureKind::x509, 0},
    {"c1c41626-504c-4092-aca9-41f936934328", SignatureKind::sha256, 32},
    {"ff3e5307-9fd0-48c9-85f1-8ad56c701e01", SignatureKind::sha384, 48},
    {"093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", SignatureKind::sha512, 64},
    {"826ca512-cf10-4ac9-b187-be01496631bd", SignatureKind::sha1, 20},
    {"3bd2a492-96c0-4079-b420-fcf98ef103ed", SignatureKind::x509_sha256, 48},
    {"3c5766e8-269c-4e34-aa14-ed776e85b3b6", SignatureKind::rsa2048, 256},
});
constexpr std::size_t owner_size = 16;

Error wrong(std::string what) {
  return refused(rules::signature_list_form, std::move(what));
}

Status read_list(ByteReader& reader, std::vector<EfiSignature>& into) {
  TRY(const ByteView type, reader.take(16, "SignatureType"));
  TRY(const std::uint32_t list_size, reader.u32_le("SignatureListSize"));
  TRY(const std::uint32_t header_size, reader.u32_le("SignatureHeaderSize"));
  TRY(const std::uint32_t signature_size, reader.u32_le("SignatureSize"));
  constexpr std::size_t head = 28;
  if (list_size < head || list_size - head > reader.remaining() || header_size > list_size - head)
    return fail(wrong("a signature list's size goes past its end")
                    .expected("at most " + std::to_string(reader.remaining() + head) + " bytes")
                    .found(std::to_string(list_size)));
  const std::size_t all = list_size - head - header_size;
  if (signature_size < owner_size || all % signature_size != 0)
    return fail(
        wrong("a signature list is no whole number of signatures")
            .found(std::to_string(all) + " bytes of " + std::to_string(signature_size) + " each"));
  TRY_VOID(reader.take(header_size, "SignatureHeader"));
  const std::string guid = guid_text(type);
  const auto* named = std::ranges::find(kinds, guid, &Named::guid);
  const bool known = named != kinds.end();
  if (known && named->size != 0 && signature_size != owner_size + named->size)
    return fail(
        wrong("signatures of kind " + std::string(to_string(named->kind)) + " have the wrong size")
            .expected(std::to_string(owner_size + named->size))
            .found(std::to_string(signature_size)));
  for (std::size_t i = 0; i < all / signature_size; ++i) {
    TRY(const ByteView owner, reader.take(owner_size, "SignatureOwner"));
    TRY(const ByteView data, reader.take(signature_size - owner_size, "SignatureData"));
    into.push_back({known ? named->kind : SignatureKind::other, guid, guid_text(owner), data});
  }
  return {};
}

}  // namespace

std::string_view to_string(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::x509:
      return "x509";
    case SignatureKind::sha256:
      return "sha256";
    case SignatureKind::sha384:
      return "sha384";
    case SignatureKind::sha512:
      return "sha512";
    case SignatureKind::sha1:
      return "sha1";
    case SignatureKind::x509_sha256:
      return "x509-sha256";
    case SignatureKind::rsa2048:
      return "rsa2048";
    case SignatureKind::other:
      break;
  }
  return "other";
}

Result<std::vector<EfiSignature>> parse_signature_lists(ByteView lists) {
  std::vector<EfiSignature> signatures;
  ByteReader reader(lists);
  while (!reader.at_end()) TRY_VOID(read_list(reader, signatures));
  return signatures;
}

Result<AuthenticatedVariable> parse_authenticated_variable(ByteView update) {
  constexpr std::uint16_t win_certificate_revision = 0x0200;
  constexpr std::uint16_t win_certificate_type_guid = 0x0ef1;
  constexpr std::string_view pkcs7_guid = "4aafd29d-68df-49ee-8aa9-347d375665a7";
  constexpr std::uint32_t win_certificate_head = 24;
  ByteReader reader(update);
  AuthenticatedVariable variable;
  TRY(variable.year, reader.u16_le("Year"));
  TRY(variable.month, reader.u8("Month"));
  TRY(variable.day, reader.u8("Day"));
  TRY_VOID(reader.take(12, "the rest of TimeStamp"));
  TRY(const std::uint32_t size, reader.u32_le("dwLength"));
  TRY(const std::uint16_t revision, reader.u16_le("wRevision"));
  TRY(const std::uint16_t type, reader.u16_le("wCertificateType"));
  TRY(const ByteView guid, reader.take(16, "CertType"));
  if (revision != win_certificate_revision || type != win_certificate_type_guid ||
      guid_text(guid) != pkcs7_guid || size < win_certificate_head)
    return fail(refused(rules::authenticated_variable_form,
                        "not an update signed by PKCS #7 (EFI_VARIABLE_AUTHENTICATION_2)")
                    .expected("certificate type " + std::string(pkcs7_guid))
                    .found(guid_text(guid)));
  TRY(variable.pkcs7, reader.take(size - win_certificate_head, "CertData"));
  variable.content = reader.rest();
  return variable;
}

}  // namespace attest::tpm
