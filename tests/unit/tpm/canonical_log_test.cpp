#include "libattest/tpm/event_log.h"
#include "tests/support/catch.h"

namespace attest::tpm {
namespace {

Bytes tlv(std::uint8_t type, ByteView value) {
  Bytes bytes;
  append_u8(bytes, type);
  append_u32_be(bytes, static_cast<std::uint32_t>(value.size()));
  append(bytes, value);
  return bytes;
}

Bytes number(std::uint64_t value) {
  Bytes bytes;
  append_u64_be(bytes, value);
  return bytes;
}

struct Record {
  std::uint64_t number = 0;
  std::uint8_t register_type = 1;
  std::uint32_t index = 11;
  Bytes content =
      tlv(5, concat({tlv(0, Bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0x0d}}),
                     tlv(1, as_bytes("phase"))}));
  Bytes digest = digest_of("phase");

  static Bytes digest_of(std::string_view text) {
    return attest::digest(PcrBank::sha256, as_bytes(text));
  }

  Bytes encode() const {
    Bytes where;
    append_u32_be(where, index);
    return concat({tlv(0, attest::tpm::number(number)), tlv(register_type, where),
                   tlv(3, tlv(0x0b, digest)), content});
  }
};

TEST_CASE("a canonical log's records are read, replayed, and tell their data as measured") {
  const Bytes log_bytes = concat({Record{}.encode(), Record{.number = 1}.encode()});
  for (const Bytes& form : {log_bytes, to_bytes(to_base64(log_bytes))}) {
    const UntrustedEventLog log = must(parse_any_event_log(form));
    REQUIRE(log.format() == EventLogFormat::cel_tlv);
    REQUIRE(log.events().size() == 2);
    REQUIRE(log.events()[0].type == ev_ipl);
    REQUIRE(log.events()[0].data_measured(PcrBank::sha256));
    const Bytes once = extend(PcrBank::sha256, Bytes(32), Record{}.digest);
    REQUIRE(*replay(log).find(PcrBank::sha256, 11) ==
            extend(PcrBank::sha256, once, Record{}.digest));
  }
}

TEST_CASE("a record of another kind is measured with its type and length") {
  const Bytes content = tlv(80, tlv(2, as_bytes("Never")));
  const UntrustedEventLog log =
      must(parse_canonical_log_tlv(Record{.register_type = 108,
                                          .index = 4,
                                          .content = content,
                                          .digest = attest::digest(PcrBank::sha256, content)}
                                       .encode()));
  REQUIRE(log.registers() == Registers::rtmr);
  REQUIRE(log.events()[0].content == "cos");
  REQUIRE(log.events()[0].data_measured(PcrBank::sha256));
  REQUIRE(describe(log.events()[0]).find("Never") != std::string::npos);
}

TEST_CASE("an NV index is no PCR, and extends none") {
  const UntrustedEventLog log =
      must(parse_canonical_log_tlv(Record{.register_type = 2, .index = 0x01d10200}.encode()));
  REQUIRE(log.events()[0].nv_index);
  REQUIRE(replay(log).empty());
  REQUIRE_FALSE(log.events()[0].extends());
}

TEST_CASE("records that are missing, out of place or misshapen are refused") {
  REQUIRE_RULE(parse_canonical_log_tlv(concat({Record{}.encode(), Record{.number = 2}.encode()})),
               rules::eventlog_sequence);
  REQUIRE_RULE(parse_canonical_log_tlv(Record{.index = 24}.encode()), rules::eventlog_pcr_index);
  REQUIRE_RULE(parse_canonical_log_tlv(Record{.register_type = 9}.encode()),
               rules::eventlog_canonical);
  REQUIRE_RULE(parse_canonical_log_tlv(Record{.digest = Bytes(31)}.encode()),
               rules::eventlog_canonical);
  REQUIRE_RULE(parse_canonical_log_tlv({}), rules::eventlog_canonical);
  const Bytes whole = Record{}.encode();
  for (std::size_t size = 1; size < whole.size(); ++size)
    REQUIRE_FALSE(parse_canonical_log_tlv(ByteView(whole).first(size)));
}

std::string systemd_record(const std::string& phase) {
  return "\x1e{\"pcr\":11,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"" +
         to_hex(Record::digest_of(phase)) +
         "\"}],\"content_type\":\"systemd\",\"content\":{\"string\":\"" + phase +
         "\",\"bootId\":\"b\",\"timestamp\":1,\"eventType\":\"phase\"}}\n";
}

TEST_CASE("systemd's log is read, a record a line") {
  const std::string text = systemd_record("enter-initrd") + systemd_record("leave-initrd");
  const UntrustedEventLog log = must(parse_any_event_log(as_bytes(text)));
  REQUIRE(log.format() == EventLogFormat::cel_json);
  REQUIRE(log.events().size() == 2);
  REQUIRE(log.events()[1].data_measured(PcrBank::sha256));
  REQUIRE(as_text(log.events()[1].data) == "leave-initrd");
}

TEST_CASE("canonical JSON is an array of numbered records") {
  const auto record = [](int recnum) {
    return "{\"recnum\":" + std::to_string(recnum) +
           ",\"pcr\":4,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"" +
           to_hex(Record::digest_of("x")) +
           "\"}],\"content_type\":\"pcclient_std\",\"content\":{\"event_type\":"
           "\"EV_SEPARATOR\",\"event_data\":\"78\"}}";
  };
  const UntrustedEventLog log =
      must(parse_canonical_log_json("[" + record(0) + "," + record(1) + "]"));
  REQUIRE(log.events()[0].type == ev_separator);
  REQUIRE(log.events()[0].data_measured(PcrBank::sha256));
  REQUIRE_RULE(parse_canonical_log_json("[" + record(0) + "," + record(2) + "]"),
               rules::eventlog_sequence);
  REQUIRE_RULE(parse_canonical_log_json("[{}]"), rules::eventlog_canonical);
}

}  // namespace
}  // namespace attest::tpm
