#include "libattest/tee/tdx_quote.h"

#include <string_view>

namespace attest::tee {

namespace {

constexpr std::uint16_t ecdsa_p256 = 2;
constexpr std::uint32_t tee_tdx = 0x81;
constexpr std::uint16_t body_td_1_0 = 2;
constexpr std::uint16_t body_td_1_5 = 3;
constexpr std::size_t td_1_0_size = 584;
constexpr std::size_t td_1_5_size = 648;
constexpr std::size_t sgx_report_size = 384;
constexpr std::uint16_t data_pck_chain = 5;
constexpr std::uint16_t data_qe_report = 6;

TdReport td_report(ByteView bytes) {
  TdReport body;
  std::size_t at = 0;
  const auto take = [&](std::size_t size) {
    at += size;
    return bytes.subspan(at - size, size);
  };
  body.tee_tcb_svn = take(16);
  body.mrseam = take(48);
  body.mrsignerseam = take(48);
  body.seam_attributes = take(8);
  body.attributes = take(8);
  body.xfam = take(8);
  body.mrtd = take(48);
  body.mrconfigid = take(48);
  body.mrowner = take(48);
  body.mrownerconfig = take(48);
  for (ByteView& rtmr : body.rtmr) rtmr = take(48);
  body.report_data = take(64);
  if (bytes.size() == td_1_5_size) {
    take(16);  // TEE_TCB_SVN of the module that is loaded next
    body.mrservicetd = take(48);
  }
  return body;
}

SgxReport sgx_report(ByteView bytes) {
  const auto u16 = [&](std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) |
                                      std::to_integer<unsigned>(bytes[at + 1]) << 8U);
  };
  SgxReport report;
  report.bytes = bytes;
  report.cpu_svn = bytes.first(16);
  report.misc_select = u16(16) | static_cast<std::uint32_t>(u16(18)) << 16U;
  report.attributes = bytes.subspan(48, 16);
  report.mrenclave = bytes.subspan(64, 32);
  report.mrsigner = bytes.subspan(128, 32);
  report.isv_prod_id = u16(256);
  report.isv_svn = u16(258);
  report.report_data = bytes.subspan(320, 64);
  return report;
}

Status read_header(ByteReader& reader, UntrustedTdxQuote& quote) {
  TRY(quote.version, reader.u16_le("version"));
  if (quote.version != 4 && quote.version != 5)
    return fail(refused(rules::tdx_version, "this version of the quote is not known")
                    .expected("4 or 5")
                    .found(std::to_string(quote.version))
                    .within("offset 0"));
  TRY(const std::uint16_t key_type, reader.u16_le("attestation key type"));
  if (key_type != ecdsa_p256)
    return fail(refused(rules::tdx_type, "the quote's key type is not known")
                    .expected("2 (ECDSA P-256)")
                    .found(std::to_string(key_type))
                    .within("offset 2"));
  TRY(const std::uint32_t tee, reader.u32_le("TEE type"));
  if (tee != tee_tdx)
    return fail(refused(rules::tdx_type, "the quote is not of TDX")
                    .expected("0x81")
                    .found(std::to_string(tee))
                    .within("offset 4"));
  TRY_VOID(reader.take(4, "reserved"));
  TRY_VOID(reader.take(16, "QE vendor"));
  TRY(quote.user_data, reader.take(20, "user data"));
  return {};
}

Status read_body(ByteReader& reader, UntrustedTdxQuote& quote) {
  std::size_t size = td_1_0_size;
  if (quote.version == 5) {
    TRY(const std::uint16_t type, reader.u16_le("body type"));
    TRY(const std::uint32_t declared, reader.u32_le("body size"));
    if (type != body_td_1_0 && type != body_td_1_5)
      return fail(refused(rules::tdx_body, "the quote's body is of another type")
                      .expected("2 (TD 1.0) or 3 (TD 1.5)")
                      .found(std::to_string(type))
                      .within("offset 48"));
    if (type == body_td_1_5) size = td_1_5_size;
    if (declared != size)
      return fail(refused(rules::tdx_body, "the quote's body has the wrong size")
                      .expected(std::to_string(size))
                      .found(std::to_string(declared))
                      .within("offset 50"));
  }
  TRY(const ByteView body, reader.take(size, "body"));
  quote.body = td_report(body);
  return {};
}

// Certification data of one type: its header, and a reader over exactly what it declares.
Result<ByteReader> open_data(ByteReader& reader, std::uint16_t wanted, std::string_view what) {
  const std::size_t at = reader.offset();
  TRY(const std::uint16_t type, reader.u16_le("certification data type"));
  if (type != wanted)
    return fail(refused(rules::tdx_certification, "certification data of another type")
                    .expected(std::to_string(wanted) + " (" + std::string(what) + ")")
                    .found(std::to_string(type))
                    .within("offset " + std::to_string(at)));
  TRY(const std::uint32_t size, reader.u32_le("certification data size"));
  const std::size_t start = reader.offset();
  TRY(const ByteView content, reader.take(size, what));
  return ByteReader(content, start);
}

Status read_certification(ByteReader& reader, UntrustedTdxQuote& quote) {
  TRY(ByteReader qe, open_data(reader, data_qe_report, "QE report"));
  TRY(const ByteView report, qe.take(sgx_report_size, "QE report"));
  quote.qe_report = sgx_report(report);
  TRY(quote.qe_report_signature, qe.take(64, "QE report signature"));
  TRY(const std::uint16_t size, qe.u16_le("QE authentication data size"));
  TRY(quote.qe_authentication_data, qe.take(size, "QE authentication data"));
  TRY(ByteReader chain, open_data(qe, data_pck_chain, "PCK chain"));
  quote.pck_chain = chain.rest();
  return qe.finish("the QE report's certification data");
}

}  // namespace

Result<UntrustedTdxQuote> parse_tdx_quote(ByteView bytes, TrailingBytes trailing) {
  ByteReader reader(bytes);
  UntrustedTdxQuote quote;
  TRY_VOID(read_header(reader, quote));
  TRY_VOID(read_body(reader, quote));
  quote.signed_bytes = bytes.first(reader.offset());
  TRY(const std::uint32_t length, reader.u32_le("signature data length"));
  if (length > reader.remaining())
    return fail(refused(rules::tdx_length, "the signature data is longer than what is there")
                    .expected("at most " + std::to_string(reader.remaining()))
                    .found(std::to_string(length))
                    .within("offset " + std::to_string(reader.offset() - 4)));
  const std::size_t start = reader.offset();
  TRY(const ByteView data, reader.take(length, "signature data"));
  quote.trailing = reader.remaining();
  if (trailing == TrailingBytes::refuse) TRY_VOID(reader.finish("the quote"));
  ByteReader signature(data, start);
  TRY(quote.signature, signature.take(64, "signature"));
  TRY(quote.attestation_key, signature.take(64, "attestation key"));
  TRY_VOID(read_certification(signature, quote));
  TRY_VOID(signature.finish("the signature data"));
  return quote;
}

}  // namespace attest::tee
