#include "libattest/model/sct.h"

#include <chrono>
#include <optional>

#include <openssl/x509v3.h>

#include "libattest/crypto/openssl_handles.h"

namespace attest::model {

namespace {

struct Sct {
  ByteView log_id;
  std::uint64_t time_ms = 0;
  ByteView extensions;
  std::uint8_t hash = 0;
  std::uint8_t algorithm = 0;
  ByteView signature;
};

std::unexpected<Error> refuse(std::string what) {
  return fail(refused(rules::sct, "certificate transparency: " + std::move(what)));
}

Result<Sct> parse_sct(ByteView bytes) {
  ByteReader reader(bytes);
  Sct sct;
  TRY(const std::uint8_t version, reader.u8("version"));
  if (version != 0) return refuse("an SCT of another version than 1");
  TRY(sct.log_id, reader.take(32, "log id"));
  TRY(sct.time_ms, reader.u64_be("timestamp"));
  TRY(const std::uint16_t extensions, reader.u16_be("extensions' length"));
  TRY(sct.extensions, reader.take(extensions, "extensions"));
  TRY(sct.hash, reader.u8("hash"));
  TRY(sct.algorithm, reader.u8("signature algorithm"));
  TRY(const std::uint16_t signature, reader.u16_be("signature's length"));
  TRY(sct.signature, reader.take(signature, "signature"));
  TRY_VOID(reader.finish("SCT"));
  return sct;
}

// The extension holds an OCTET STRING of a list, each element with its length before it.
Result<std::vector<Sct>> parse_list(const Bytes& extension) {
  const openssl::CleanErrors clean;
  const unsigned char* at = openssl::data(extension);
  const std::unique_ptr<ASN1_OCTET_STRING, openssl::Free<ASN1_OCTET_STRING_free>> text(
      d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(extension.size())));
  if (!text || at != openssl::data(extension) + extension.size())
    return refuse("the list of SCTs is malformed");
  ByteReader outer(
      std::as_bytes(std::span(ASN1_STRING_get0_data(text.get()),
                              static_cast<std::size_t>(ASN1_STRING_length(text.get())))));
  TRY(const std::uint16_t total, outer.u16_be("length of the list"));
  TRY(const ByteView list, outer.take(total, "list of SCTs"));
  TRY_VOID(outer.finish("list of SCTs"));
  // The extension's value lives in `text`; what is kept are offsets into the caller's copy.
  const std::size_t begin = extension.size() - list.size();
  ByteReader reader(ByteView(extension).subspan(begin));
  std::vector<Sct> scts;
  while (!reader.at_end()) {
    TRY(const std::uint16_t size, reader.u16_be("length of an SCT"));
    TRY(const ByteView bytes, reader.take(size, "SCT"));
    TRY(const Sct sct, parse_sct(bytes));
    scts.push_back(sct);
  }
  return scts;
}

// The certificate's signed part without the SCTs: what the log saw (RFC 6962 section 3.2).
Result<Bytes> signed_part_before(const Certificate& leaf) {
  const openssl::CleanErrors clean;
  const openssl::X509Handle copy(X509_dup(leaf.openssl()));
  const int place = copy ? X509_get_ext_by_NID(copy.get(), NID_ct_precert_scts, -1) : -1;
  if (place < 0) return refuse("the certificate holds no SCT");
  const std::unique_ptr<X509_EXTENSION, openssl::Free<X509_EXTENSION_free>> removed(
      X509_delete_ext(copy.get(), place));
  if (X509_get_ext_by_NID(copy.get(), NID_ct_precert_scts, -1) >= 0)
    return refuse("the certificate holds two lists of SCTs");
  unsigned char* der = nullptr;
  const int size = i2d_re_X509_tbs(copy.get(), &der);
  if (size <= 0) return refuse("the certificate cannot be written without its SCTs");
  const Bytes part = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return part;
}

Bytes signed_message(const Sct& sct, const Sha256& issuer_key, const Bytes& part) {
  Bytes message;
  append_u8(message, 0);  // version 1
  append_u8(message, 0);  // certificate_timestamp
  append_u64_be(message, sct.time_ms);
  append_u16_be(message, 1);  // precert_entry
  append(message, issuer_key);
  append_u8(message, static_cast<std::uint8_t>(part.size() >> 16));
  append_u16_be(message, static_cast<std::uint16_t>(part.size()));
  append(message, part);
  append_u16_be(message, static_cast<std::uint16_t>(sct.extensions.size()));
  append(message, sct.extensions);
  return message;
}

std::optional<SignatureScheme> scheme_of(const Sct& sct, KeyKind kind) {
  constexpr std::uint8_t sha256 = 4, rsa = 1, ecdsa = 3;
  if (sct.hash != sha256) return std::nullopt;
  if (sct.algorithm == ecdsa && kind == KeyKind::ecdsa_p256) return SignatureScheme::ecdsa_sha256;
  if (sct.algorithm == rsa && kind == KeyKind::rsa) return SignatureScheme::rsa_pkcs1_sha256;
  return std::nullopt;
}

}  // namespace

Status verify_embedded_sct(const Certificate& leaf, const Certificate& issuer,
                           const std::vector<SigstoreLog>& logs) {
  const auto extension = leaf.extension("1.3.6.1.4.1.11129.2.4.2");
  if (!extension) return refuse("the certificate holds no SCT");
  TRY(const std::vector<Sct> scts, parse_list(*extension));
  TRY(const Bytes part, signed_part_before(leaf));
  TRY(const PublicKey issuer_key, issuer.public_key());
  for (const Sct& sct : scts)
    for (const SigstoreLog& log : logs) {
      const Time time = from_unix(static_cast<std::int64_t>(sct.time_ms / 1000));
      const auto scheme = scheme_of(sct, log.key.kind());
      if (!equal(log.id, sct.log_id) || !log.valid.holds(time) || !scheme) continue;
      const Bytes message = signed_message(sct, sha256(issuer_key.spki_der()), part);
      if (log.key.verify(*scheme, message, sct.signature)) return {};
    }
  return refuse("no trusted log signed an SCT for this certificate");
}

}  // namespace attest::model
