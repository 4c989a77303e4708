#include "libattest/gpu/report.h"

#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

constexpr std::size_t count_at = 41;
constexpr std::size_t record_at = 45;
constexpr std::size_t block_size = 55;

// A whole report with a signature that nobody made: form is all that counts here.
Bytes some_report(const test::ReportSpec& spec = test::whole_gpu().report) {
  return concat({test::report_before_signature(spec), Bytes(96, std::byte{0x5A})});
}

Bytes with_byte(Bytes report, std::size_t at, unsigned value) {
  report.at(at) = static_cast<std::byte>(value);
  return report;
}

test::ReportSpec with_field(std::uint16_t type, const Bytes& value) {
  test::ReportSpec spec = test::whole_gpu().report;
  std::erase_if(spec.opaque, [type](const auto& field) { return field.first == type; });
  spec.opaque.emplace_back(type, value);
  return spec;
}

}  // namespace

TEST_CASE("a report gives its nonce, blocks, versions and states") {
  const auto report = must(gpu::parse_report(some_report()));
  REQUIRE(Bytes(report.nonce.begin(), report.nonce.end()) == Bytes(32, std::byte{0x11}));
  REQUIRE(report.measurements.size() == 41);
  REQUIRE(report.measurements[9].index == 10);
  REQUIRE(report.measurements[9].value == Bytes(48, std::byte{10}));
  REQUIRE(report.opaque.driver_version == "550.90.07");
  REQUIRE(report.opaque.vbios_version == "96.00.9F.00.01");
  REQUIRE(report.opaque.chip_sku == "882");
  REQUIRE(report.opaque.nvdec0_enabled == false);
  REQUIRE(report.kind() == gpu::DeviceKind::gpu);
  REQUIRE(report.signature == Bytes(96, std::byte{0x5A}));
}

TEST_CASE("a request or response of another kind is refused") {
  for (const std::size_t at : {0U, 1U, 2U, 3U, 37U, 38U, 39U, 40U})
    REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), at, 0x0C)), rules::report_header);
}

TEST_CASE("a block count of one less or one more than there are blocks is refused") {
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), count_at, 40)), rules::report_blocks);
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), count_at, 42)), rules::report_blocks);
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), count_at, 0)), rules::report_blocks);
}

TEST_CASE("blocks are numbered from 1, are DMTF measurements, and their sizes agree") {
  const std::size_t second = record_at + block_size;
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), second, 1)), rules::report_blocks);
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), second, 3)), rules::report_blocks);
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), second + 1, 2)), rules::report_blocks);
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), second + 2, 50)), rules::report_blocks);
  REQUIRE_RULE(gpu::parse_report(with_byte(some_report(), second + 5, 47)), rules::report_blocks);
}

TEST_CASE("big-endian lengths are refused") {
  Bytes report = some_report();
  std::swap(report[42], report[44]);
  REQUIRE_FALSE(gpu::parse_report(report));
  report = some_report();
  std::swap(report[record_at + 2], report[record_at + 3]);
  REQUIRE_RULE(gpu::parse_report(report), rules::report_blocks);
}

TEST_CASE("a report cut short anywhere is refused") {
  const Bytes report = some_report();
  for (std::size_t size = 0; size < report.size(); ++size)
    REQUIRE_FALSE(gpu::parse_report(ByteView(report).first(size)));
  REQUIRE_RULE(gpu::parse_report(ByteView(report).first(report.size() - 1)),
               rules::report_truncated);
}

TEST_CASE("bytes behind the signature are refused") {
  REQUIRE_RULE(gpu::parse_report(concat({some_report(), Bytes(1)})), rules::report_trailing);
  REQUIRE_RULE(gpu::parse_report(concat({some_report(), Bytes(2)})), rules::report_trailing);
}

TEST_CASE("one zero byte rounds up the length of reports with an opaque version, and no other") {
  test::ReportSpec spec = with_field(34, *from_hex("0100"));
  Bytes report = some_report(spec);
  if (report.size() % 2 == 0) {
    spec.opaque.emplace_back(static_cast<std::uint16_t>(900), Bytes(1));
    report = some_report(spec);
  }
  REQUIRE(must(gpu::parse_report(concat({report, Bytes(1)}))).padding == 1);
  REQUIRE_RULE(gpu::parse_report(concat({report, Bytes(1, std::byte{1})})), rules::report_trailing);
  REQUIRE_RULE(gpu::parse_report(concat({report, Bytes(3)})), rules::report_trailing);
}

TEST_CASE("an opaque field that stands twice is refused") {
  test::ReportSpec spec = test::whole_gpu().report;
  spec.opaque.push_back(spec.opaque.front());
  REQUIRE_RULE(gpu::parse_report(some_report(spec)), rules::opaque_duplicate);
}

TEST_CASE("an opaque field that reaches past the opaque data is refused") {
  const Bytes field = *from_hex("0b000100aa");
  REQUIRE_OK(gpu::parse_opaque_data(field));
  REQUIRE_RULE(gpu::parse_opaque_data(*from_hex("0b000200aa")), rules::opaque_length);
  REQUIRE_RULE(gpu::parse_opaque_data(*from_hex("0b0001")), rules::opaque_length);
  REQUIRE_RULE(gpu::parse_opaque_data(*from_hex("0b000001aa")), rules::opaque_length);
}

TEST_CASE("opaque data that reaches past the report is refused") {
  Bytes report = some_report();
  const std::size_t length_at = record_at + 41 * block_size + 32;
  report[length_at + 1] = std::byte{0xFF};
  REQUIRE_RULE(gpu::parse_report(report), rules::report_truncated);
}

TEST_CASE("opaque fields have the form of their type") {
  const std::vector<test::OpaqueField> wrong = {{3, *from_hex("35003500")},  // text behind its end
                                                {3, *from_hex("0a")},        // control character
                                                {6, Bytes(7)},
                                                {11, *from_hex("ab")},
                                                {12, Bytes(5)},
                                                {14, Bytes(3)},
                                                {20, Bytes(47)},
                                                {21, *from_hex("00")},
                                                {22, Bytes(9)},
                                                {34, Bytes(1)},
                                                {36, *from_hex("0300")}};
  for (const auto& [type, value] : wrong) {
    INFO(type);
    REQUIRE_RULE(gpu::parse_report(some_report(with_field(type, value))), rules::opaque_value);
  }
}

TEST_CASE("fields of types nobody knows are kept") {
  const auto report = must(gpu::parse_report(some_report(with_field(4711, *from_hex("0102")))));
  REQUIRE(report.opaque.raw.at(4711) == *from_hex("0102"));
}

TEST_CASE("a switch's fields are read as a switch's") {
  test::ReportSpec spec;
  spec.blocks = {Bytes(48)};
  const Bytes pdi = *from_hex("203eb31ad9ed0008");
  spec.opaque = {{6, to_bytes("96.10.55.00.01")},
                 {22, pdi},
                 {26, concat({pdi, Bytes(56), Bytes(64, std::byte{0xFF})})},
                 {24, *from_hex("0200")}};
  const auto report = must(gpu::parse_report(some_report(spec)));
  REQUIRE(report.kind() == gpu::DeviceKind::nvswitch);
  REQUIRE(report.opaque.vbios_version == "96.10.55.00.01");
  REQUIRE(to_hex(report.opaque.switch_pdis.at(0)) == "203eb31ad9ed0008");
  REQUIRE(report.opaque.gpu_pdis.size() == 1);
  REQUIRE(report.opaque.switch_position == 2);
}

TEST_CASE("a GPU lists its switches byte-reversed") {
  const auto report = must(gpu::parse_report(
      some_report(with_field(22, *from_hex("0800edd91ab33e200000000000000000")))));
  REQUIRE(report.opaque.switch_pdis.size() == 1);
  REQUIRE(to_hex(report.opaque.switch_pdis[0]) == "203eb31ad9ed0008");
}

TEST_CASE("report files are raw, hexadecimal or base64") {
  const Bytes report = some_report();
  REQUIRE(must(gpu::report_bytes(report)) == report);
  REQUIRE(must(gpu::report_bytes(as_bytes(to_hex(report) + "\n"))) == report);
  REQUIRE(must(gpu::report_bytes(as_bytes(to_base64(report) + "\r\n"))) == report);
  REQUIRE_RULE(gpu::report_bytes(as_bytes("no report at all!")), rules::report_encoding);
}
