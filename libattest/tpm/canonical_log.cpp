// TCG Canonical Event Log Format 1.0: section 4.3 (TLV) and 5.3 (JSON).
#include <algorithm>
#include <deque>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/event_types.h"

namespace attest::tpm {

namespace {

// Section 4.3.1 and 4.3.3. 108 is what a container launcher writes for a trust domain's registers
// (google/go-eventlog, cel/canonical_eventlog.go, CCMRType).
constexpr std::uint8_t tlv_record_number = 0;
constexpr std::uint8_t tlv_pcr = 1;
constexpr std::uint8_t tlv_nv_index = 2;
constexpr std::uint8_t tlv_digests = 3;
constexpr std::uint8_t tlv_cel = 4;
constexpr std::uint8_t tlv_pcclient_std = 5;
constexpr std::uint8_t tlv_ima_template = 7;
constexpr std::uint8_t tlv_ima_tlv = 8;
constexpr std::uint8_t tlv_cos = 80;
constexpr std::uint8_t tlv_rtmr = 108;
constexpr std::size_t tlv_header = 5;

Error malformed(std::string what) {
  return refused(rules::eventlog_canonical, std::move(what));
}

struct Tlv {
  std::uint8_t type;
  ByteView value;
  ByteView whole;  // type and length included
};

Result<Tlv> read_tlv(ByteReader& reader) {
  const ByteView from = reader.rest();
  TRY(const std::uint8_t type, reader.u8("TLV type"));
  TRY(const std::uint32_t size, reader.u32_be("TLV length"));
  TRY(const ByteView value, reader.take(size, "TLV value"));
  return Tlv{type, value, from.first(tlv_header + size)};
}

// big_endian reads a number of 1 to 8 bytes.
Result<std::uint64_t> big_endian(ByteView bytes, std::string_view field) {
  if (bytes.empty() || bytes.size() > 8)
    return fail(malformed(std::string(field) + " has the wrong length")
                    .expected("1 to 8 bytes")
                    .found(std::to_string(bytes.size())));
  std::uint64_t value = 0;
  for (const std::byte octet : bytes) value = (value << 8) | std::to_integer<std::uint64_t>(octet);
  return value;
}

std::string_view content_name(std::uint8_t type) {
  switch (type) {
    case tlv_cel:
      return "cel";
    case tlv_ima_template:
      return "ima_template";
    case tlv_ima_tlv:
      return "ima_tlv";
    case tlv_cos:
      return "cos";
    default:
      return "unknown";
  }
}

}  // namespace

// CanonicalLogBuilder gathers records in order, whichever form they are read from.
class CanonicalLogBuilder {
 public:
  CanonicalLogBuilder(EventLogFormat format, std::shared_ptr<const Bytes> bytes) {
    log_.format_ = format;
    log_.bytes_ = std::move(bytes);
  }

  const UntrustedEventLog& log() const { return log_; }

  Event begin(std::size_t offset) const {
    Event event;
    event.number = log_.events_.size();
    event.offset = offset;
    event.type = no_event_type;
    return event;
  }

  // number checks that records come one after the other; the first may have any number, for a log
  // may be a part.
  Status number(std::uint64_t record) {
    if (next_ && record != *next_)
      return fail(refused(rules::eventlog_sequence, "a record is missing, or out of its place")
                      .expected("record " + std::to_string(*next_))
                      .found(std::to_string(record)));
    next_ = record + 1;
    return {};
  }

  Status place(Event& event, std::uint64_t index, Registers registers, bool nv_index) {
    if (!nv_index && index >= pcr_count)
      return fail(refused(rules::eventlog_pcr_index, "no platform has this PCR")
                      .expected("0 to 23")
                      .found(std::to_string(index)));
    if (index > 0xffffffffU) return fail(malformed("an NV index has 32 bits"));
    event.pcr = static_cast<std::uint32_t>(index);
    event.nv_index = nv_index;
    if (registers == Registers::rtmr) log_.registers_ = registers;
    return {};
  }

  static Status set_digest(Event& event, HashAlgorithm bank, ByteView digest) {
    ByteView& slot = event.digests[static_cast<std::size_t>(bank)];
    if (!slot.empty())
      return fail(malformed("two digests of one algorithm").found(std::string(hash_name(bank))));
    if (digest.size() != digest_size(bank))
      return fail(malformed("a digest has the wrong length")
                      .expected(std::to_string(digest_size(bank)) + " bytes")
                      .found(std::to_string(digest.size())));
    slot = digest;
    return {};
  }

  Status add(const Event& event) {
    bool any = false;
    for (std::size_t i = 0; i < event.digests.size(); ++i) {
      if (event.digests[i].empty()) continue;
      any = true;
      const auto bank = static_cast<PcrBank>(i);
      if (std::ranges::find(log_.banks_, bank) == log_.banks_.end()) log_.banks_.push_back(bank);
    }
    if (!any) return fail(malformed("a record has no digest that is known here"));
    log_.events_.push_back(event);
    return {};
  }

  Result<UntrustedEventLog> finish() && {
    if (log_.events_.empty()) return fail(malformed("the log holds no record"));
    std::ranges::sort(log_.banks_);
    return std::move(log_);
  }

 private:
  UntrustedEventLog log_;
  std::optional<std::uint64_t> next_;
};

namespace {

Status read_digests(ByteView digests, Event& event) {
  ByteReader reader(digests);
  while (!reader.at_end()) {
    TRY(const Tlv digest, read_tlv(reader));
    const auto bank = hash_of(digest.type);
    if (bank) TRY_VOID(CanonicalLogBuilder::set_digest(event, *bank, digest.value));
  }
  return {};
}

// PCCLIENT_STD content: the event's type and its data, each a TLV of its own.
Status read_pcclient(ByteView content, Event& event) {
  ByteReader reader(content);
  TRY(const Tlv type, read_tlv(reader));
  TRY(const Tlv data, read_tlv(reader));
  TRY_VOID(reader.finish("the PCCLIENT_STD content"));
  if (type.type != 0 || data.type != 1)
    return fail(malformed("PCCLIENT_STD content is not an event's type and data"));
  TRY(const std::uint64_t value, big_endian(type.value, "event type"));
  event.type = static_cast<std::uint32_t>(value);
  event.data = data.value;
  return {};
}

Result<Event> read_record(ByteReader& reader, CanonicalLogBuilder& builder) {
  Event event = builder.begin(reader.offset());
  TRY(const Tlv number, read_tlv(reader));
  if (number.type != tlv_record_number)
    return fail(malformed("a record does not begin with its number")
                    .expected("type 0")
                    .found(std::to_string(number.type)));
  TRY(const std::uint64_t record, big_endian(number.value, "record number"));
  TRY_VOID(builder.number(record));

  TRY(const Tlv where, read_tlv(reader));
  if (where.type != tlv_pcr && where.type != tlv_nv_index && where.type != tlv_rtmr)
    return fail(malformed("a record does not say which register it is of")
                    .expected("a PCR, an NV index or an RTMR")
                    .found("type " + std::to_string(where.type)));
  TRY(const std::uint64_t index, big_endian(where.value, "register"));
  TRY_VOID(builder.place(event, index, where.type == tlv_rtmr ? Registers::rtmr : Registers::pcr,
                         where.type == tlv_nv_index));

  TRY(const Tlv digests, read_tlv(reader));
  if (digests.type != tlv_digests)
    return fail(malformed("a record has no digests").found("type " + std::to_string(digests.type)));
  TRY_VOID(read_digests(digests.value, event));

  TRY(const Tlv content, read_tlv(reader));
  if (content.type == tlv_pcclient_std) {
    TRY_VOID(read_pcclient(content.value, event));
  } else {
    // The digest covers type and length as well, so the data is the whole of it.
    event.content = content_name(content.type);
    event.data = content.whole;
  }
  return event;
}

}  // namespace

Result<UntrustedEventLog> parse_canonical_log_tlv(ByteView log) {
  const auto bytes = std::make_shared<const Bytes>(to_bytes(log));
  CanonicalLogBuilder builder(EventLogFormat::cel_tlv, bytes);
  ByteReader reader(*bytes);
  while (!reader.at_end()) {
    const std::string place = "record at offset " + std::to_string(reader.offset());
    TRY_WITHIN(place, const Event event, read_record(reader, builder));
    if (const Status added = builder.add(event); !added)
      return fail(Error(added.error()).within(place));
  }
  return std::move(builder).finish();
}

namespace {

// Arena holds a log's text and what was decoded out of it; views into it stay good as it grows.
class Arena {
 public:
  explicit Arena(ByteView source) : kept_(std::make_shared<Kept>()) {
    kept_->source = to_bytes(source);
  }
  ByteView keep(ByteView decoded) { return kept_->parts.emplace_back(to_bytes(decoded)); }
  // bytes is the source, and keeps the parts alive with it.
  std::shared_ptr<const Bytes> bytes() const { return {kept_, &kept_->source}; }

 private:
  struct Kept {
    Bytes source;
    std::deque<Bytes> parts;
  };
  std::shared_ptr<Kept> kept_;
};

Result<std::uint64_t> unsigned_member(const Json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end() || !found->is_number_unsigned())
    return fail(malformed(std::string("a record's \"") + name + "\" is no whole number"));
  return found->get<std::uint64_t>();
}

Result<std::string> text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string())
    return fail(malformed(std::string("a record's \"") + name + "\" is no text"));
  return found->get<std::string>();
}

Status read_json_digests(const Json& record, Event& event, Arena& arena) {
  const auto digests = record.find("digests");
  if (digests == record.end() || !digests->is_array())
    return fail(malformed("a record has no digests"));
  for (const Json& digest : *digests) {
    if (!digest.is_object()) return fail(malformed("a digest is no object"));
    TRY(const std::string name, text_member(digest, "hashAlg"));
    TRY(const std::string hex, text_member(digest, "digest"));
    const auto bank = hash_by_name(name);
    if (!bank) continue;
    TRY_WITHIN("digest", const Bytes value, from_hex(hex));
    TRY_VOID(CanonicalLogBuilder::set_digest(event, *bank, arena.keep(value)));
  }
  return {};
}

Status read_json_pcclient(const Json& content, Event& event, Arena& arena) {
  const auto type = content.find("event_type");
  if (type == content.end()) return fail(malformed("an event has no type"));
  if (type->is_number_unsigned()) {
    event.type = type->get<std::uint32_t>();
  } else if (const auto named =
                 type->is_string() ? event_type_by_name(type->get<std::string>()) : std::nullopt) {
    event.type = *named;
  } else {
    return fail(malformed("an event's type is neither a number nor a name that is known"));
  }
  TRY(const std::string data, text_member(content, "event_data"));
  const auto hex = from_hex(data);
  const auto base64 = hex ? hex : from_base64(data);
  if (!base64) return fail(malformed("an event's data is neither hexadecimal nor base64"));
  event.data = arena.keep(*base64);
  return {};
}

Status read_json_content(const Json& record, Event& event, Arena& arena) {
  TRY(const std::string type, text_member(record, "content_type"));
  const auto content = record.find("content");
  if (content == record.end()) return fail(malformed("a record has no content"));
  if (type == "pcclient_std") return read_json_pcclient(*content, event, arena);
  if (type == "systemd") {
    // systemd measures the string (src/shared/tpm2-util.c, tpm2_pcr_extend_bytes); the rest is
    // told.
    TRY(const std::string text, text_member(*content, "string"));
    event.content = "systemd";
    event.data = arena.keep(as_bytes(text));
    return {};
  }
  event.content = type == "cel" ? "cel" : type.starts_with("ima") ? "ima_template" : "unknown";
  event.data = arena.keep(as_bytes(to_line(*content)));
  return {};
}

Status read_json_record(const Json& record, CanonicalLogBuilder& builder, Arena& arena,
                        bool numbered) {
  if (!record.is_object()) return fail(malformed("a record is no object"));
  Event event = builder.begin(0);
  if (numbered || record.contains("recnum")) {
    TRY(const std::uint64_t number, unsigned_member(record, "recnum"));
    TRY_VOID(builder.number(number));
  }
  const bool nv = record.contains("nvIndex") || record.contains("nv_index");
  const char* where = record.contains("nvIndex") ? "nvIndex" : nv ? "nv_index" : "pcr";
  TRY(const std::uint64_t index, unsigned_member(record, where));
  TRY_VOID(builder.place(event, index, Registers::pcr, nv));
  TRY_VOID(read_json_digests(record, event, arena));
  TRY_VOID(read_json_content(record, event, arena));
  return builder.add(event);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\x1e";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

Result<UntrustedEventLog> parse_canonical_log_json(std::string_view text) {
  Arena arena(as_bytes(text));
  CanonicalLogBuilder builder(EventLogFormat::cel_json, arena.bytes());
  const std::string_view body = trimmed(text);
  if (body.starts_with('[')) {
    TRY(const Json records, parse_json(body));
    for (const Json& record : records)
      if (const Status read = read_json_record(record, builder, arena, true); !read)
        return fail(
            Error(read.error()).within("record " + std::to_string(builder.log().events().size())));
    return std::move(builder).finish();
  }
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    const std::string_view one = trimmed(line);
    if (one.empty()) continue;
    const std::string place = "line " + std::to_string(number);
    TRY_WITHIN(place, const Json record, parse_json(one));
    if (const Status read = read_json_record(record, builder, arena, false); !read)
      return fail(Error(read.error()).within(place));
  }
  return std::move(builder).finish();
}

namespace {

// A canonical log begins with record 0 or another, then a register. A firmware log that begins
// alike would have a first digest that begins with zeros and its register's type: none has.
bool looks_like_tlv(ByteView log) {
  ByteReader reader(log);
  const auto number = read_tlv(reader);
  const auto where = number ? read_tlv(reader) : number;
  if (!where || number->type != tlv_record_number || number->value.size() > 8) return false;
  const bool known =
      where->type == tlv_pcr || where->type == tlv_nv_index || where->type == tlv_rtmr;
  return known && !number->value.empty() && !where->value.empty() && where->value.size() <= 4;
}

Result<UntrustedEventLog> parse_by_first_bytes(ByteView log, EventLogForm form) {
  const std::string_view text = as_text(log);
  if (text.starts_with('\x1e') || text.starts_with('{') || text.starts_with('['))
    return parse_canonical_log_json(text);
  if (looks_like_tlv(log)) return parse_canonical_log_tlv(log);
  return parse_event_log(log, form);
}

}  // namespace

Result<UntrustedEventLog> parse_any_event_log(ByteView log, EventLogForm form) {
  const std::string_view text = trimmed(as_text(log));
  constexpr std::size_t shortest = 44;  // the base64 of a TCG event without data
  if (text.size() >= shortest && std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '/' || c == '=' || c == '\n' || c == '\r';
      })) {
    std::string joined;
    for (const char c : text)
      if (c != '\n' && c != '\r') joined.push_back(c);
    TRY_WITHIN("base64", const Bytes decoded, from_base64(joined));
    return parse_by_first_bytes(decoded, form);
  }
  return parse_by_first_bytes(log, form);
}

}  // namespace attest::tpm
