#include "libattest/transparency/certificate_log.h"

#include <array>

namespace attest::transparency {

namespace {

constexpr std::uint8_t hash_sha256 = 4;
constexpr std::uint8_t signature_rsa = 1;
constexpr std::uint8_t signature_ecdsa = 3;
constexpr std::uint64_t last_millisecond = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

Result<ByteView> take_u24(ByteReader& reader, std::string_view field) {
  TRY(const std::uint8_t high, reader.u8(field));
  TRY(const std::uint16_t low, reader.u16_be(field));
  return reader.take((std::uint64_t{high} << 16) | low, field);
}

Result<ByteView> take_u16(ByteReader& reader, std::string_view field) {
  TRY(const std::uint16_t length, reader.u16_be(field));
  return reader.take(length, field);
}

Result<CertificateEntry> parse_entry(ByteReader& reader) {
  const ByteView from = reader.rest();
  CertificateEntry entry{};
  TRY(entry.milliseconds, reader.u64_be("timestamp"));
  TRY(const std::uint16_t type, reader.u16_be("entry type"));
  if (type > 1)
    return fail(refused(rules::certificate_entry_form, "a log entry is of an unknown type")
                    .expected("0, certificate, or 1, precertificate")
                    .found(std::to_string(type)));
  entry.type = static_cast<CertificateEntryType>(type);
  const bool precertificate = entry.type == CertificateEntryType::precertificate;
  if (precertificate) TRY_VOID(reader.take(sizeof(Hash), "issuer key hash"));
  TRY(entry.certificate, take_u24(reader, "certificate"));
  TRY_VOID(take_u16(reader, "extensions"));
  entry.timestamped = from.first(from.size() - reader.remaining());
  if (precertificate) {
    TRY(entry.precertificate, take_u24(reader, "precertificate"));
  }
  TRY(ByteView chain, take_u16(reader, "chain"));
  if (chain.size() % sizeof(Hash) != 0)
    return fail(refused(rules::certificate_entry_form, "a chain is no list of fingerprints")
                    .expected("a multiple of 32 bytes")
                    .found(std::to_string(chain.size())));
  for (; !chain.empty(); chain = chain.subspan(sizeof(Hash)))
    std::ranges::copy(chain.first(sizeof(Hash)), entry.chain.emplace_back().begin());
  return entry;
}

Bytes signed_tree_head(std::uint64_t milliseconds, std::uint64_t size, const Hash& root) {
  Bytes message{std::byte{0}, std::byte{1}};  // version v1, signature type tree_hash
  append_u64_be(message, milliseconds);
  append_u64_be(message, size);
  append(message, root);
  return message;
}

}  // namespace

Result<std::vector<CertificateEntry>> parse_data_tile(ByteView content, unsigned width) {
  ByteReader reader(content);
  std::vector<CertificateEntry> entries;
  for (unsigned i = 0; i < width; ++i) {
    TRY_WITHIN("entry " + std::to_string(i), entries.emplace_back(), parse_entry(reader));
  }
  TRY_VOID(reader.finish("a data tile"));
  return entries;
}

Hash certificate_leaf_hash(const CertificateEntry& entry) {
  constexpr std::array<std::byte, 3> start{};  // leaf prefix; version v1; timestamped_entry
  return sha256({start, entry.timestamped});
}

Result<Time> verify_tree_head(std::uint64_t size, const Hash& root, ByteView signature,
                              const PublicKey& key) {
  ByteReader reader(signature);
  TRY(const std::uint64_t milliseconds, reader.u64_be("timestamp"));
  TRY(const std::uint8_t hash, reader.u8("hash algorithm"));
  TRY(const std::uint8_t algorithm, reader.u8("signature algorithm"));
  TRY(const ByteView value, take_u16(reader, "signature"));
  TRY_VOID(reader.finish("a tree head signature"));
  const bool rsa = key.kind() == KeyKind::rsa;
  if (hash != hash_sha256 || algorithm != (rsa ? signature_rsa : signature_ecdsa))
    return fail(refused(rules::tree_head_signature, "a tree head is signed by other algorithms")
                    .expected(rsa ? "SHA-256 with RSA" : "SHA-256 with ECDSA")
                    .found(std::to_string(hash) + ", " + std::to_string(algorithm)));
  if (milliseconds > last_millisecond)
    return fail(refused(rules::tree_head_signature, "a tree head's time does not fit"));
  TRY_VOID(key.verify(rsa ? SignatureScheme::rsa_pkcs1_sha256 : SignatureScheme::ecdsa_sha256,
                      signed_tree_head(milliseconds, size, root), value));
  return from_unix(static_cast<std::int64_t>(milliseconds / 1000));
}

}  // namespace attest::transparency
