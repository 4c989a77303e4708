// Measured-boot event logs: TCG PC Client Platform Firmware Profile 1.05 and 1.06, section 10, both
// the SHA-1 and the crypto-agile form (a CCEL is one of the latter over RTMRs); and the TCG
// Canonical Event Log 1.0 as TLV, also in base64, and as JSON, systemd's form of it included.
//
// A log proves nothing by itself. parse_event_log gives an UntrustedEventLog; verify_event_log
// replays it against the PCRs of a VerifiedQuote and is the only maker of a VerifiedEventLog, whose
// events are those that quoted PCRs vouch for. Even then only an event's PCR and digest are
// vouched for: its type never is, and its data only where the digest is the hash of the data. So a
// reader of event data asks Event::data_measured first.
//
// Values are immutable after parsing, share one buffer, and may be copied between threads.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/tpm/quote.h"

namespace attest::tpm {

enum class EventLogFormat { sha1, crypto_agile, cel_tlv, cel_json };

// event_log_format_name gives "sha1-legacy", "crypto-agile", "cel-tlv" or "cel-json".
std::string_view event_log_format_name(EventLogFormat format);

// Registers says what an event's index counts: PCRs of a TPM, or the measurement registers of a
// trust domain, where 0 is MRTD and 1 to 4 are RTMR0 to RTMR3 (Intel's CCEL; UEFI 2.10 section
// 38.4).
enum class Registers { pcr, rtmr };

// Event types (PFP 1.06 section 10.4.1), those this code looks at by name.
inline constexpr std::uint32_t ev_post_code = 0x01;
inline constexpr std::uint32_t ev_no_action = 0x03;
inline constexpr std::uint32_t ev_separator = 0x04;
inline constexpr std::uint32_t ev_event_tag = 0x06;
inline constexpr std::uint32_t ev_s_crtm_contents = 0x07;
inline constexpr std::uint32_t ev_s_crtm_version = 0x08;
inline constexpr std::uint32_t ev_ipl = 0x0d;
inline constexpr std::uint32_t ev_efi_variable_driver_config = 0x80000001;
inline constexpr std::uint32_t ev_efi_variable_boot = 0x80000002;
inline constexpr std::uint32_t ev_efi_boot_services_application = 0x80000003;
inline constexpr std::uint32_t ev_efi_boot_services_driver = 0x80000004;
inline constexpr std::uint32_t ev_efi_runtime_services_driver = 0x80000005;
inline constexpr std::uint32_t ev_efi_gpt_event = 0x80000006;
inline constexpr std::uint32_t ev_efi_action = 0x80000007;
inline constexpr std::uint32_t ev_efi_platform_firmware_blob = 0x80000008;
inline constexpr std::uint32_t ev_efi_platform_firmware_blob2 = 0x8000000a;
inline constexpr std::uint32_t ev_efi_variable_boot2 = 0x8000000c;
inline constexpr std::uint32_t ev_efi_hcrtm_event = 0x80000010;
inline constexpr std::uint32_t ev_efi_variable_authority = 0x800000e0;
inline constexpr std::uint32_t ev_efi_spdm_firmware_blob = 0x800000e1;
inline constexpr std::uint32_t ev_efi_spdm_firmware_config = 0x800000e2;
inline constexpr std::uint32_t ev_efi_spdm_device_policy = 0x800000e3;
inline constexpr std::uint32_t ev_efi_spdm_device_authority = 0x800000e4;
// Records of a canonical log whose content is no TCG event have this in place of a type.
inline constexpr std::uint32_t no_event_type = 0xffffffff;

// event_type_name gives the profile's name, or "0x…" for a type it does not define.
std::string event_type_name(std::uint32_t type);

// Event borrows from the log it belongs to.
struct Event {
  std::size_t number = 0;  // from 0; the Spec ID event is number 0
  std::size_t offset = 0;  // of the event in the log, bytes
  std::uint32_t pcr = 0;
  std::uint32_t type = 0;
  // One digest a bank, empty where the event carries none; index by static_cast<size_t>(bank).
  std::array<ByteView, 4> digests{};
  ByteView data;
  // What kind of content a record of a canonical log has: "systemd", "cos", "cel", "ima"; empty for
  // TCG events.
  std::string_view content;
  bool nv_index = false;  // `pcr` is the index of an NV extend area, not of a PCR

  ByteView digest(PcrBank bank) const { return digests[static_cast<std::size_t>(bank)]; }
  // extends is false for EV_NO_ACTION, which firmware records without extending.
  bool extends() const { return type != ev_no_action && !nv_index; }
  // data_measured: the digest of `bank` is the hash of `data`, so a PCR that vouches for the event
  // vouches for the data. GRUB's strings count with their prefix and final NUL left out, as GRUB
  // measures them; boot variables also by their value alone (PFP 1.06 section 10.4.1,
  // EV_EFI_VARIABLE_BOOT).
  bool data_measured(PcrBank bank) const;
};

class UntrustedEventLog {
 public:
  EventLogFormat format() const { return format_; }
  // banks are those whose digests the log's header announces (SHA-1 alone for the old form).
  const std::vector<PcrBank>& banks() const { return banks_; }
  const std::vector<Event>& events() const { return events_; }
  // startup_locality is where PCR 0 starts, by the log's own word; 0 when it says nothing.
  std::uint8_t startup_locality() const { return startup_locality_; }
  Registers registers() const { return registers_; }
  // quirks names the oddities of firmware that were met and passed over (event_log_quirks.h).
  const std::vector<std::string>& quirks() const { return quirks_; }
  ByteView bytes() const { return *bytes_; }

 private:
  friend class EventLogParser;
  friend class CanonicalLogBuilder;
  EventLogFormat format_ = EventLogFormat::sha1;
  std::vector<PcrBank> banks_;
  std::vector<Event> events_;
  std::uint8_t startup_locality_ = 0;
  Registers registers_ = Registers::pcr;
  std::vector<std::string> quirks_;
  std::shared_ptr<const Bytes> bytes_;
};

struct EventLogForm {
  // Areas of fixed size (CCEL) are filled up with zeros or ones after the last event.
  bool allow_padding = false;
};

// parse_event_log refuses a log without a whole first event, a Spec ID event in another place than
// the first or with a broken form, an event with a digest of an algorithm the Spec ID event does
// not announce or with two of one, a PCR index of 24 or more, sizes that go past the end, trailing
// bytes, and a StartupLocality that is malformed, comes twice, or comes after PCR 0 was extended.
Result<UntrustedEventLog> parse_event_log(ByteView log, EventLogForm form = {});

// parse_canonical_log_tlv and parse_canonical_log_json (TCG Canonical Event Log 1.0 sections 4 and
// 5) refuse records without a number, register or digests, numbers out of sequence, digests that
// are unknown, double or of a wrong length, and trailing bytes. JSON may be an array, or records
// one a line, each behind an RS as systemd writes them; systemd's records have no number.
Result<UntrustedEventLog> parse_canonical_log_tlv(ByteView log);
Result<UntrustedEventLog> parse_canonical_log_json(std::string_view log);

// parse_any_event_log tells by the first bytes which of these a log is; any may be in base64.
Result<UntrustedEventLog> parse_any_event_log(ByteView log, EventLogForm form = {});

// replay gives the PCRs that the log's events lead to, for each bank that every extending event has
// a digest of; PCRs without events are left out. A claim, until a quote says the same.
PcrValues replay(const UntrustedEventLog& log);

// strongest_bank gives the strongest bank that replay has values of: the one whose digests to look
// at. Where no bank is whole, the strongest one announced.
PcrBank strongest_bank(const UntrustedEventLog& log);

// describe says in words what an event is about, from its untrusted data: "EV_SEPARATOR",
// "EV_EFI_BOOT_SERVICES_APPLICATION, /EFI/debian/grubx64.efi", "EV_IPL, grub_cmd: linux /vmlinuz".
// Control characters are replaced, long text is cut.
std::string describe(const Event& event);

struct SecureBootState {
  std::optional<bool> enabled;  // nothing: the log does not say, see reason
  std::string reason;           // why, in words
};

struct EventLogRules {
  // PCRs the running system extends after the firmware's log ends; the log need not explain them,
  // and its events in them are not believed unless they do. 10 is IMA's.
  PcrSet extended_by_system{10};
};

class VerifiedEventLog {
 public:
  // bank is the one whose digests were matched with the quote: the strongest one quoted.
  PcrBank bank() const { return bank_; }
  // events are those that quoted PCRs vouch for, in log order; EV_NO_ACTION is not among them.
  const std::vector<Event>& events() const { return events_; }
  const UntrustedEventLog& log() const { return log_; }
  // explained are the quoted PCRs that the log leads to.
  PcrSet explained() const { return explained_; }
  // not_vouched counts events whose PCR was not quoted or not explained.
  std::size_t not_vouched() const { return not_vouched_; }

  // secure_boot reads the SecureBoot variable measured into PCR 7 before its separator.
  SecureBootState secure_boot() const;
  // kernel_command_line gives what GRUB or the kernel's EFI stub measured; nothing when neither
  // did.
  std::optional<std::string> kernel_command_line() const;

 private:
  friend Result<VerifiedEventLog> verify_event_log(UntrustedEventLog, const VerifiedQuote&,
                                                   const EventLogRules&);
  explicit VerifiedEventLog(UntrustedEventLog log) : log_(std::move(log)) {}
  UntrustedEventLog log_;
  PcrBank bank_ = PcrBank::sha256;
  std::vector<Event> events_;
  PcrSet explained_;
  std::size_t not_vouched_ = 0;
};

// verify_event_log checks, in this order, that
//   - the log has digests for every quoted bank in all its extending events: a bank that is
//     allocated but never extended lets an attacker write it (CVE-2021-42299);
//   - in every quoted bank each quoted PCR holds what the log leads to, or its reset value where
//     the log has no event for it (PCRs of rules.extended_by_system apart);
//   - PCRs 0 to 7, where quoted, each have one separator, not more and not fewer;
//   - the digest is the hash of the data where the type defines it so: EV_SEPARATOR, EV_EFI_ACTION,
//     EV_EFI_GPT_EVENT, EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_AUTHORITY (shim 15's apart,
//     see event_log_quirks.h: their data is not believed);
//   - no Secure Boot configuration is measured into PCR 7 after its separator.
// Not checked: whether what was booted is good; that is appraisal.
Result<VerifiedEventLog> verify_event_log(UntrustedEventLog log, const VerifiedQuote& quote,
                                          const EventLogRules& rules = {});

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule eventlog_form{"tpm.eventlog.form"};
inline constexpr Rule eventlog_spec_id{"tpm.eventlog.spec-id"};
inline constexpr Rule eventlog_algorithm{"tpm.eventlog.algorithm"};
inline constexpr Rule eventlog_pcr_index{"tpm.eventlog.pcr-index"};
inline constexpr Rule eventlog_trailing{"tpm.eventlog.trailing"};
inline constexpr Rule eventlog_locality{"tpm.eventlog.startup-locality"};
inline constexpr Rule eventlog_canonical{"tpm.eventlog.canonical-record"};
inline constexpr Rule eventlog_sequence{"tpm.eventlog.record-number"};
inline constexpr Rule eventlog_bank{"tpm.eventlog.bank"};
inline constexpr Rule eventlog_unexplained{"tpm.eventlog.unexplained-pcr"};
inline constexpr Rule eventlog_separator{"tpm.eventlog.separator"};
inline constexpr Rule eventlog_data_digest{"tpm.eventlog.data-digest"};
inline constexpr Rule eventlog_after_separator{"tpm.eventlog.after-separator"};
}  // namespace attest::rules
