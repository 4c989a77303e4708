#include "libattest/tpm/quote.h"

namespace attest::tpm {
namespace {

constexpr std::uint32_t tpm_generated = 0xff544347U;  // TPM 2.0 Part 2 section 6.2
constexpr std::uint16_t st_attest_quote = 0x8018;     // section 6.9
constexpr std::uint32_t banks_limit = 16;             // TPML_PCR_SELECTION: implementation's hashes

std::string hex32(std::uint32_t value) {
  Bytes bytes;
  append_u32_be(bytes, value);
  return "0x" + to_hex(bytes);
}

std::string hex16(std::uint16_t value) {
  Bytes bytes;
  append_u16_be(bytes, value);
  return "0x" + to_hex(bytes);
}

Result<ByteView> sized(ByteReader& reader, std::string_view field, std::size_t limit) {
  TRY(const std::uint16_t size, reader.u16_be(field));
  if (size > limit)
    return fail(refused(rules::quote_form, std::string(field) + " is too long")
                    .expected("at most " + std::to_string(limit) + " bytes")
                    .found(std::to_string(size)));
  return reader.take(size, field);
}

Result<bool> yes_no(ByteReader& reader, std::string_view field) {
  TRY(const std::uint8_t value, reader.u8(field));
  if (value > 1)
    return fail(refused(rules::quote_form, std::string(field) + " is neither YES nor NO")
                    .found(std::to_string(value)));
  return value == 1;
}

Result<ClockInfo> read_clock(ByteReader& reader) {
  ClockInfo info;
  TRY(info.clock, reader.u64_be("clockInfo.clock"));
  TRY(info.reset_count, reader.u32_be("clockInfo.resetCount"));
  TRY(info.restart_count, reader.u32_be("clockInfo.restartCount"));
  TRY(info.safe, yes_no(reader, "clockInfo.safe"));
  return info;
}

Error selection_form(std::string what) {
  return refused(rules::quote_selection_form, std::move(what));
}

Result<PcrSet> read_pcr_bitmap(ByteReader& reader) {
  TRY(const std::uint8_t size, reader.u8("sizeofSelect"));
  TRY(const ByteView bitmap, reader.take(size, "pcrSelect"));
  PcrSet pcrs;
  for (std::size_t octet = 0; octet < bitmap.size(); ++octet) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (((std::to_integer<unsigned>(bitmap[octet]) >> bit) & 1U) == 0) continue;
      const auto index = static_cast<unsigned>(octet * 8) + bit;
      if (index >= pcr_count)
        return fail(selection_form("a PCR is selected that no platform has")
                        .expected("0 to 23")
                        .found(std::to_string(index)));
      pcrs.insert(index);
    }
  }
  return pcrs;
}

Result<PcrSelection> read_selection(ByteReader& reader) {
  TRY(const std::uint32_t count, reader.u32_be("pcrSelect.count"));
  if (count > banks_limit)
    return fail(selection_form("too many banks are selected")
                    .expected("at most " + std::to_string(banks_limit))
                    .found(std::to_string(count)));
  PcrSelection selection;
  for (std::uint32_t i = 0; i < count; ++i) {
    TRY(const AlgorithmId id, reader.u16_be("pcrSelect.hash"));
    const auto bank = hash_of(id);
    if (!bank)
      return fail(selection_form("a bank of an unknown hash is selected").found(hex16(id)));
    for (const PcrSelection::Bank& other : selection.banks)
      if (other.bank == *bank)
        return fail(
            selection_form("a bank is selected twice").found(std::string(hash_name(*bank))));
    TRY(const PcrSet pcrs, read_pcr_bitmap(reader));
    selection.banks.push_back({*bank, pcrs});
  }
  return selection;
}

// A TPM2B_ATTEST begins with its size, which is never the first half of the magic for an attest
// that is whole.
ByteView without_size(ByteView attest) {
  ByteReader reader(attest);
  const auto size = reader.u16_be("size");
  return size && *size == reader.remaining() ? reader.rest() : attest;
}

}  // namespace

Result<UntrustedQuote> parse_quote(ByteView attest) {
  const ByteView bytes = without_size(attest);
  ByteReader reader(bytes);
  TRY(const std::uint32_t magic, reader.u32_be("magic"));
  if (magic != tpm_generated)
    return fail(refused(rules::quote_magic, "not made by a TPM: the magic is wrong")
                    .expected(hex32(tpm_generated))
                    .found(hex32(magic)));
  TRY(const std::uint16_t type, reader.u16_be("type"));
  if (type != st_attest_quote)
    return fail(refused(rules::quote_type, "an attestation, but no quote")
                    .expected(hex16(st_attest_quote))
                    .found(hex16(type)));

  UntrustedQuote quote;
  quote.bytes = to_bytes(bytes);
  // A Name is an algorithm and a digest, at most 66 bytes; TPM2B_DATA holds no more than that.
  TRY(const ByteView signer, sized(reader, "qualifiedSigner", 66));
  quote.qualified_signer = to_bytes(signer);
  TRY(const ByteView extra, sized(reader, "extraData", 66));
  quote.extra_data = to_bytes(extra);
  TRY(quote.clock, read_clock(reader));
  TRY(quote.firmware_version, reader.u64_be("firmwareVersion"));
  TRY(quote.selection, read_selection(reader));
  TRY(const ByteView digest, sized(reader, "pcrDigest", 64));
  quote.pcr_digest = to_bytes(digest);
  if (!reader.at_end())
    return fail(refused(rules::quote_trailing, "bytes after the end of the quote")
                    .expected(std::to_string(reader.offset()) + " bytes")
                    .found(std::to_string(bytes.size())));
  return quote;
}

Result<UntrustedSignature> parse_signature(ByteView tpmt_signature) {
  constexpr std::size_t longest_rsa = 1024;  // bytes, 8192 bits
  constexpr std::size_t longest_coordinate = 66;
  ByteReader reader(tpmt_signature);
  UntrustedSignature signature;
  TRY(signature.scheme, reader.u16_be("sigAlg"));
  const bool rsa = signature.scheme == alg_rsassa || signature.scheme == alg_rsapss;
  if (!rsa && signature.scheme != alg_ecdsa)
    return fail(refused(rules::quote_signature_form, "not a signature scheme for quotes")
                    .expected("RSASSA, RSAPSS or ECDSA")
                    .found(hex16(signature.scheme)));
  TRY(const AlgorithmId hash_id, reader.u16_be("hash"));
  const auto hash = hash_of(hash_id);
  if (!hash)
    return fail(refused(rules::quote_signature_form, "the signature names an unknown hash")
                    .found(hex16(hash_id)));
  signature.hash = *hash;
  if (rsa) {
    TRY(const ByteView value, sized(reader, "signature", longest_rsa));
    signature.rsa = to_bytes(value);
  } else {
    TRY(const ByteView r, sized(reader, "signatureR", longest_coordinate));
    TRY(const ByteView s, sized(reader, "signatureS", longest_coordinate));
    signature.r = to_bytes(r);
    signature.s = to_bytes(s);
  }
  if (!reader.at_end())
    return fail(refused(rules::quote_signature_form, "bytes after the end of the signature")
                    .expected(std::to_string(reader.offset()) + " bytes")
                    .found(std::to_string(tpmt_signature.size())));
  return signature;
}

}  // namespace attest::tpm
