#include "libattest/gpu/report.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::gpu {

namespace {

constexpr std::uint8_t spdm_version = 0x11;
constexpr std::uint8_t get_measurements = 0xE0;
constexpr std::uint8_t measurements_code = 0x60;
constexpr std::uint8_t signature_requested = 0x01;
constexpr std::uint8_t all_measurements = 0xFF;
constexpr std::uint8_t dmtf_specification = 0x01;
constexpr std::size_t nonce_size = 32;
constexpr std::size_t signature_size = 96;
constexpr std::size_t max_report = 64U << 10;
constexpr std::size_t block_header = 4;  // index, specification, size
constexpr std::size_t value_header = 3;  // type, value size

std::unexpected<Error> wrong_header(std::string what, std::size_t offset, unsigned expected,
                                    unsigned found) {
  const auto byte = [](unsigned value) {
    return "0x" + to_hex(std::array{static_cast<std::byte>(value)});
  };
  return fail(refused(rules::report_header, std::move(what))
                  .expected(byte(expected))
                  .found(byte(found))
                  .within("offset " + std::to_string(offset)));
}

Status expect_byte(ByteReader& reader, std::uint8_t expected, std::string_view what) {
  const std::size_t offset = reader.offset();
  TRY(const std::uint8_t found, reader.u8(what));
  if (found != expected)
    return wrong_header(std::string(what) + " is not that of a GPU report", offset, expected,
                        found);
  return {};
}

Status read_nonce(ByteReader& reader, std::array<std::byte, nonce_size>& nonce,
                  std::string_view what) {
  TRY(const ByteView bytes, reader.take(nonce_size, what));
  std::ranges::copy(bytes, nonce.begin());
  return {};
}

Status read_request(ByteReader& reader, UntrustedReport& report) {
  TRY_VOID(expect_byte(reader, spdm_version, "the request's SPDM version"));
  TRY_VOID(expect_byte(reader, get_measurements, "the request's code"));
  TRY_VOID(expect_byte(reader, signature_requested, "the request's attribute"));
  TRY_VOID(expect_byte(reader, all_measurements, "the requested measurement"));
  TRY_VOID(read_nonce(reader, report.nonce, "nonce"));
  TRY(report.slot, reader.u8("slot"));
  return {};
}

std::unexpected<Error> wrong_block(std::string what, std::string expected, std::string found,
                                   std::size_t offset) {
  return fail(refused(rules::report_blocks, std::move(what))
                  .expected(std::move(expected))
                  .found(std::move(found))
                  .within("offset " + std::to_string(offset)));
}

Result<Measurement> read_block(ByteReader& reader, unsigned number) {
  const std::size_t offset = reader.offset();
  if (reader.remaining() < block_header + value_header)
    return wrong_block("the record ends before all its blocks", "block " + std::to_string(number),
                       std::to_string(reader.remaining()) + " bytes", offset);
  Measurement block;
  TRY(block.index, reader.u8("block index"));
  TRY(const std::uint8_t specification, reader.u8("measurement specification"));
  TRY(const std::uint16_t size, reader.u16_le("block size"));
  TRY(block.type, reader.u8("value type"));
  TRY(const std::uint16_t value_size, reader.u16_le("value size"));
  if (block.index != number)
    return wrong_block("blocks are not numbered from 1 on", std::to_string(number),
                       std::to_string(block.index), offset);
  if (specification != dmtf_specification)
    return wrong_block("a block is no DMTF measurement", "specification 1",
                       std::to_string(specification), offset);
  if (size != value_size + value_header || value_size > reader.remaining())
    return wrong_block("the sizes of a block disagree",
                       "value of " + std::to_string(size) + " - 3 bytes within the record",
                       std::to_string(value_size) + " bytes", offset);
  TRY(const ByteView value, reader.take(value_size, "value"));
  block.value = to_bytes(value);
  return block;
}

Status read_blocks(ByteReader& reader, UntrustedReport& report) {
  TRY(const std::uint8_t count, reader.u8("number of blocks"));
  TRY(const std::uint16_t length_low, reader.u16_le("record length"));
  TRY(const std::uint8_t length_high, reader.u8("record length"));
  const std::size_t offset = reader.offset();
  TRY(const ByteView record,
      reader.take(static_cast<std::uint64_t>(length_low) | std::uint64_t{length_high} << 16,
                  "measurement record"));
  if (count == 0) return wrong_block("the report has no measurements", "1 or more", "0", offset);
  ByteReader blocks(record, offset);
  for (unsigned number = 1; number <= count; ++number) {
    TRY(Measurement block, read_block(blocks, number));
    report.measurements.push_back(std::move(block));
  }
  if (!blocks.at_end())
    return wrong_block("the record goes on behind its last block",
                       std::to_string(count) + " blocks",
                       std::to_string(blocks.remaining()) + " bytes more", blocks.offset());
  return {};
}

Status read_response(ByteReader& reader, UntrustedReport& report) {
  TRY_VOID(expect_byte(reader, spdm_version, "the response's SPDM version"));
  TRY_VOID(expect_byte(reader, measurements_code, "the response's code"));
  TRY_VOID(expect_byte(reader, 0, "the response's first parameter"));
  const std::size_t slot_offset = reader.offset();
  TRY(const std::uint8_t slot, reader.u8("the response's slot"));
  if ((slot & 0x0FU) != (report.slot & 0x0FU))
    return wrong_header("the response is by another certificate slot than was asked", slot_offset,
                        report.slot, slot);
  TRY_VOID(read_blocks(reader, report));
  TRY_VOID(read_nonce(reader, report.responder_nonce, "responder nonce"));
  TRY(const std::uint16_t length, reader.u16_le("opaque length"));
  const std::size_t offset = reader.offset();
  TRY(const ByteView opaque, reader.take(length, "opaque data"));
  TRY(report.opaque, parse_opaque_data(opaque, offset));
  return {};
}

Status read_end(ByteReader& reader, std::size_t size, UntrustedReport& report) {
  TRY(const ByteView signature, reader.take(signature_size, "signature"));
  report.signature = to_bytes(signature);
  const ByteView rest = reader.rest();
  const bool rounded_up =
      report.opaque.opaque_version && rest.size() == 1 && rest[0] == std::byte{} && size % 2 == 0;
  if (!rest.empty() && !rounded_up)
    return fail(refused(rules::report_trailing, "bytes follow the report's signature")
                    .expected("the end")
                    .found(std::to_string(rest.size()) + " bytes")
                    .within("offset " + std::to_string(reader.offset())));
  report.padding = rest.size();
  return {};
}

Status read_all(ByteView bytes, UntrustedReport& report) {
  ByteReader reader(bytes);
  TRY_VOID(read_request(reader, report));
  TRY_VOID(read_response(reader, report));
  report.signed_bytes = to_bytes(bytes.first(reader.offset()));
  return read_end(reader, bytes.size(), report);
}

bool is_text(ByteView file) {
  return std::ranges::all_of(file, [](std::byte b) {
    const auto c = std::to_integer<unsigned>(b);
    return (c > ' ' && c <= '~') || c == ' ' || c == '\n' || c == '\r' || c == '\t';
  });
}

}  // namespace

Result<UntrustedReport> parse_report(ByteView bytes) {
  if (bytes.size() > max_report)
    return fail(refused(rules::report_trailing, "this is too large for a GPU report")
                    .expected("at most 64 KiB")
                    .found(std::to_string(bytes.size()) + " bytes"));
  UntrustedReport report;
  if (auto status = read_all(bytes, report); !status) {
    Error error = std::move(status).error();
    if (error.rule == rules::bytes_truncated) error.rule = rules::report_truncated;
    return fail(std::move(error));
  }
  return report;
}

Result<Bytes> report_bytes(ByteView file) {
  // A raw report begins with bytes that are no text.
  if (file.empty() || !is_text(file)) return to_bytes(file);
  std::string text;
  std::ranges::copy_if(as_text(file), std::back_inserter(text),
                       [](char c) { return c != ' ' && c != '\n' && c != '\r' && c != '\t'; });
  if (auto bytes = from_hex(text)) return bytes;
  if (auto bytes = from_base64(text)) return bytes;
  return fail(refused(rules::report_encoding, "this is no report")
                  .expected("raw bytes, or hexadecimal or base64 text")
                  .found("\"" + printable(text, 40) + "\""));
}

}  // namespace attest::gpu
