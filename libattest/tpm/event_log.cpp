#include "libattest/tpm/event_log.h"

#include <algorithm>

#include "libattest/tpm/event_data.h"
#include "libattest/tpm/event_log_quirks.h"

namespace attest::tpm {
namespace {

constexpr std::string_view spec_id_prefix = "Spec ID Event";
constexpr std::string_view spec_id_crypto_agile{"Spec ID Event03\0", 16};
constexpr std::string_view startup_locality_signature{"StartupLocality\0", 16};
constexpr std::uint32_t algorithms_limit = 16;

struct AnnouncedAlgorithm {
  AlgorithmId id;
  std::size_t size;
};

bool all_of_one_byte(ByteView bytes, std::byte value) {
  return std::ranges::all_of(bytes, [value](std::byte b) { return b == value; });
}

bool is_padding(ByteView rest) {
  return all_of_one_byte(rest, std::byte{0}) || all_of_one_byte(rest, std::byte{0xff});
}

std::string hex16(AlgorithmId id) {
  Bytes bytes;
  append_u16_be(bytes, id);
  return "0x" + to_hex(bytes);
}

// TCG_EfiSpecIDEvent (PFP 1.06 section 10.4.5.1).
Result<std::vector<AnnouncedAlgorithm>> parse_spec_id(ByteView data) {
  ByteReader reader(data);
  TRY_VOID(reader.take(spec_id_crypto_agile.size(), "signature"));
  TRY_VOID(reader.take(8, "platformClass, version and uintnSize"));
  TRY(const std::uint32_t count, reader.u32_le("numberOfAlgorithms"));
  if (count == 0 || count > algorithms_limit)
    return fail(refused(rules::eventlog_spec_id, "the log announces no or too many algorithms")
                    .expected("1 to " + std::to_string(algorithms_limit))
                    .found(std::to_string(count)));
  std::vector<AnnouncedAlgorithm> algorithms;
  for (std::uint32_t i = 0; i < count; ++i) {
    TRY(const AlgorithmId id, reader.u16_le("algorithmId"));
    TRY(const std::uint16_t size, reader.u16_le("digestSize"));
    const auto known = hash_of(id);
    const bool size_fits = known ? size == digest_size(*known) : size > 0 && size <= 128;
    if (!size_fits)
      return fail(refused(rules::eventlog_spec_id, "the log announces a digest size that is wrong")
                      .expected(known ? std::to_string(digest_size(*known)) : "1 to 128")
                      .found(std::to_string(size)));
    for (const AnnouncedAlgorithm& other : algorithms)
      if (other.id == id)
        return fail(refused(rules::eventlog_spec_id, "the log announces an algorithm twice")
                        .found(hex16(id)));
    algorithms.push_back({id, size});
  }
  TRY(const std::uint8_t vendor_size, reader.u8("vendorInfoSize"));
  TRY_VOID(reader.take(vendor_size, "vendorInfo"));
  if (!reader.at_end())
    return fail(refused(rules::eventlog_spec_id, "the Spec ID event is longer than it says")
                    .found(std::to_string(reader.remaining()) + " bytes more"));
  return algorithms;
}

}  // namespace

// EventLogParser walks one log from front to back.
class EventLogParser {
 public:
  explicit EventLogParser(ByteView log) {
    log_.bytes_ = std::make_shared<const Bytes>(to_bytes(log));
  }

  Result<UntrustedEventLog> run(EventLogForm form) && {
    ByteReader reader(*log_.bytes_);
    TRY(const Event first, read_sha1_event(reader));
    TRY_VOID(read_header(first));
    TRY_VOID(add(first));
    while (!reader.at_end()) {
      const ByteView rest = reader.rest();
      auto event = log_.format_ == EventLogFormat::crypto_agile ? read_event(reader)
                                                                : read_sha1_event(reader);
      if (!event && is_padding(rest)) {
        if (form.allow_padding) break;
        return fail(refused(rules::eventlog_trailing, "the log is followed by padding")
                        .found(std::to_string(rest.size()) + " bytes"));
      }
      if (!event) return fail(std::move(event).error());
      TRY_VOID(add(*event));
    }
    if (measured_in_rtmrs()) log_.registers_ = Registers::rtmr;
    return std::move(log_);
  }

 private:
  Error at(const Event& event, Error error) const {
    return std::move(error).within("event " + std::to_string(event.number) + " at offset " +
                                   std::to_string(event.offset));
  }

  Event begin(const ByteReader& reader) const {
    Event event;
    event.number = log_.events_.size();
    event.offset = reader.offset();
    return event;
  }

  // TCG_PCR_EVENT: the form of every event in a SHA-1 log, and of the first in any log.
  Result<Event> read_sha1_event(ByteReader& reader) {
    Event event = begin(reader);
    TRY(event.pcr, reader.u32_le("pcrIndex"));
    TRY(event.type, reader.u32_le("eventType"));
    TRY(event.digests[0], reader.take(digest_size(HashAlgorithm::sha1), "digest"));
    TRY(const std::uint32_t size, reader.u32_le("eventSize"));
    TRY(event.data, reader.take(size, "event"));
    return event;
  }

  // TCG_PCR_EVENT2.
  Result<Event> read_event(ByteReader& reader) {
    Event event = begin(reader);
    TRY(event.pcr, reader.u32_le("pcrIndex"));
    TRY(event.type, reader.u32_le("eventType"));
    TRY_VOID(read_digests(reader, event));
    TRY(const std::uint32_t size, reader.u32_le("eventSize"));
    TRY(event.data, reader.take(size, "event"));
    return event;
  }

  Status read_digests(ByteReader& reader, Event& event) {
    TRY(const std::uint32_t count, reader.u32_le("digests.count"));
    if (count == 0 || count > algorithms_.size())
      return fail(at(event, refused(rules::eventlog_algorithm,
                                    "the event has no digest, or more than the log announces")
                                .expected("1 to " + std::to_string(algorithms_.size()))
                                .found(std::to_string(count))));
    std::uint32_t seen = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      TRY(const AlgorithmId id, reader.u16_le("digest algorithm"));
      const auto announced = std::ranges::find(algorithms_, id, &AnnouncedAlgorithm::id);
      if (announced == algorithms_.end())
        return fail(at(event, refused(rules::eventlog_algorithm,
                                      "a digest of an algorithm the log does not announce")
                                  .found(hex16(id))));
      const auto bit = std::uint32_t{1} << (announced - algorithms_.begin());
      if ((seen & bit) != 0)
        return fail(at(
            event,
            refused(rules::eventlog_algorithm, "two digests of one algorithm").found(hex16(id))));
      seen |= bit;
      TRY(const ByteView value, reader.take(announced->size, "digest"));
      if (const auto bank = hash_of(id)) event.digests[static_cast<std::size_t>(*bank)] = value;
    }
    return {};
  }

  // A CCEL has the form of a TPM's log. What tells it: SHA-384 alone, as RTMRs are, nothing above
  // register 4, and Secure Boot's variables in register 1, where a TPM's are in PCR 7.
  bool measured_in_rtmrs() const {
    if (log_.banks_ != std::vector{PcrBank::sha384}) return false;
    bool secure_boot_in_1 = false;
    for (const Event& event : log_.events_) {
      if (!event.extends()) continue;
      if (event.pcr > 4) return false;
      if (event.pcr != 1 || event.type != ev_efi_variable_driver_config) continue;
      const auto variable = parse_efi_variable(event.data);
      secure_boot_in_1 = secure_boot_in_1 || (variable && variable->name == "SecureBoot");
    }
    return secure_boot_in_1;
  }

  Status read_header(const Event& first) {
    const std::string_view data = as_text(first.data);
    const bool crypto_agile = first.type == ev_no_action && data.starts_with(spec_id_crypto_agile);
    if (!crypto_agile) {
      log_.format_ = EventLogFormat::sha1;
      log_.banks_ = {PcrBank::sha1};
      return {};
    }
    // A real header is never extended: its digest is zero (PFP 1.06 section 10.2.1).
    if (!all_of_one_byte(first.digests[0], std::byte{0}))
      return fail(refused(rules::eventlog_spec_id, "the Spec ID event carries a digest")
                      .expected("20 zero bytes")
                      .found(to_hex(first.digests[0])));
    log_.format_ = EventLogFormat::crypto_agile;
    TRY_WITHIN("Spec ID event", algorithms_, parse_spec_id(first.data));
    for (const AnnouncedAlgorithm& algorithm : algorithms_)
      if (const auto bank = hash_of(algorithm.id)) log_.banks_.push_back(*bank);
    return {};
  }

  Status add(const Event& event) {
    if (event.pcr >= pcr_count && event.extends())
      return fail(at(event, refused(rules::eventlog_pcr_index, "no platform has this PCR")
                                .expected("0 to 23")
                                .found(std::to_string(event.pcr))));
    const std::string_view data = as_text(event.data);
    if (event.number > 0 && event.type == ev_no_action && data.starts_with(spec_id_prefix))
      return fail(at(event, refused(rules::eventlog_spec_id, "a second Spec ID event")));
    if (event.type == ev_no_action && data.starts_with(startup_locality_signature))
      TRY_VOID(set_locality(event));
    if (quirks::virtual_register(event) && !virtual_register_seen_) {
      virtual_register_seen_ = true;
      log_.quirks_.emplace_back(quirks::virtual_register_words);
    }
    // A hash sequence of the H-CRTM before TPM2_Startup leaves PCR 0 at 4 (PFP 1.06
    // section 10.4.5.3; TPM 2.0 Part 1 section 34.3).
    const bool first_of_pcr0 = event.pcr == 0 && event.extends() && !pcr0_extended_;
    if (first_of_pcr0 && event.type == ev_efi_hcrtm_event && !locality_seen_)
      log_.startup_locality_ = 4;
    if (event.pcr == 0 && event.extends()) pcr0_extended_ = true;
    log_.events_.push_back(event);
    return {};
  }

  // PFP 1.06 section 10.4.5.3. PCR 0 starts at the locality TPM2_Startup came from.
  Status set_locality(const Event& event) {
    const auto wrong = [&](std::string what) {
      return fail(at(event, refused(rules::eventlog_locality, std::move(what))));
    };
    const auto padded = quirks::oversized_locality(event.data);
    if (padded) log_.quirks_.emplace_back(quirks::oversized_locality_words);
    if (!padded && event.data.size() != startup_locality_signature.size() + 1)
      return wrong("StartupLocality has the wrong length");
    if (event.pcr != 0) return wrong("StartupLocality is not of PCR 0");
    if (locality_seen_) return wrong("StartupLocality comes twice");
    if (pcr0_extended_) return wrong("StartupLocality comes after PCR 0 was extended");
    const auto locality = padded.value_or(std::to_integer<std::uint8_t>(event.data.back()));
    if (locality != 0 && locality != 3 && locality != 4)
      return wrong("StartupLocality is none a TPM starts from");
    locality_seen_ = true;
    log_.startup_locality_ = locality;
    return {};
  }

  UntrustedEventLog log_;
  std::vector<AnnouncedAlgorithm> algorithms_;
  bool locality_seen_ = false;
  bool pcr0_extended_ = false;
  bool virtual_register_seen_ = false;
};

Result<UntrustedEventLog> parse_event_log(ByteView log, EventLogForm form) {
  return EventLogParser(log).run(form);
}

namespace {

bool is_whole(const UntrustedEventLog& log, PcrBank bank) {
  return std::ranges::all_of(log.events(), [bank](const Event& event) {
    return !event.extends() || !event.digest(bank).empty();
  });
}

}  // namespace

// PcrBank rises with the strength of the hash.
PcrBank strongest_bank(const UntrustedEventLog& log) {
  std::optional<PcrBank> strongest;
  for (const PcrBank bank : log.banks())
    if (is_whole(log, bank) && (!strongest || bank > *strongest)) strongest = bank;
  return strongest             ? *strongest
         : log.banks().empty() ? PcrBank::sha1
                               : *std::ranges::max_element(log.banks());
}

PcrValues replay(const UntrustedEventLog& log) {
  PcrValues values;
  for (const PcrBank bank : log.banks()) {
    if (!is_whole(log, bank)) continue;
    std::array<Bytes, pcr_count> pcrs;
    Hasher hasher(bank);
    for (const Event& event : log.events()) {
      if (!event.extends()) continue;
      Bytes& pcr = pcrs[event.pcr];
      if (pcr.empty()) {
        pcr = initial_value(bank, event.pcr);
        if (event.pcr == 0 && log.registers() == Registers::pcr)
          pcr.back() = std::byte{log.startup_locality()};
      }
      hasher.update(pcr);
      hasher.update(event.digest(bank));
      pcr = hasher.finish();
    }
    for (unsigned index = 0; index < pcr_count; ++index)
      if (!pcrs[index].empty()) (void)values.set(bank, index, pcrs[index]);
  }
  return values;
}

}  // namespace attest::tpm
