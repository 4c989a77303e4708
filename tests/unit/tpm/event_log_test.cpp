#include "libattest/tpm/event_log.h"

#include <algorithm>

#include "fixtures/boot/measured_boot.h"
#include "libattest/tpm/boot_facts.h"
#include "libattest/tpm/event_log_findings.h"
#include "tests/support/catch.h"
#include "tests/unit/tpm/made_quote.h"

namespace attest::tpm {
namespace {

using fixtures::BootEvent;

const std::vector<HashAlgorithm> one_bank{HashAlgorithm::sha256};

std::vector<BootEvent> usual_boot() {
  return fixtures::boot_events({});
}

Result<UntrustedEventLog> parsed(const std::vector<BootEvent>& events) {
  return parse_event_log(fixtures::encode_log(events, one_bank));
}

// quote_of is a verified quote over these values of PCRs 0 to 9 and 14; what `values` lacks is as
// after a reset.
VerifiedQuote quote_of(const PcrValues& values) {
  static const auto key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  MadeQuote made;
  PcrSet quoted = PcrSet::range(0, 9);
  quoted.insert(14);
  made.selection = PcrSelection{{{PcrBank::sha256, quoted}}};
  made.pcrs = {};
  for (const unsigned index : quoted.indexes()) {
    const Bytes* value = values.find(PcrBank::sha256, index);
    must(made.pcrs.set(PcrBank::sha256, index, value != nullptr ? *value : Bytes(32)));
  }
  QuoteRules rules;
  rules.nonce = made.nonce;
  return must(verify_quote(must(parse_quote(made.attest())),
                           must(parse_signature(made.signature(*key))), key->public_key(),
                           made.pcrs, rules));
}

// verify takes the quote of a TPM that was extended with exactly these events.
Result<VerifiedEventLog> verify(const std::vector<BootEvent>& events) {
  const UntrustedEventLog log = must(parsed(events));
  return verify_event_log(log, quote_of(replay(log)));
}

std::vector<BootEvent>::iterator find(std::vector<BootEvent>& events, unsigned pcr,
                                      std::uint32_t type) {
  return std::ranges::find_if(
      events, [&](const BootEvent& event) { return event.pcr == pcr && event.type == type; });
}

TEST_CASE("a boot's log is explained by the quote, and says what was booted") {
  const VerifiedEventLog log = must(verify(usual_boot()));
  REQUIRE(log.bank() == PcrBank::sha256);
  REQUIRE(log.events().size() == usual_boot().size());
  REQUIRE(log.not_vouched() == 0);
  REQUIRE(log.secure_boot().enabled == true);
  REQUIRE(log.kernel_command_line() ==
          "/boot/vmlinuz-6.1.0-28-amd64 root=/dev/mapper/system-root ro quiet");
  std::vector<std::string> words;
  for (const Event& event : log.events()) words.push_back(describe(event));
  REQUIRE(std::ranges::count(words, "EV_EFI_BOOT_SERVICES_APPLICATION, /EFI/debian/grubx64.efi") ==
          1);
  REQUIRE(std::ranges::count(words, "EV_EFI_VARIABLE_DRIVER_CONFIG, SecureBoot = on") == 1);
  REQUIRE(std::ranges::count(words, "EV_EFI_VARIABLE_BOOT, Boot0000 \"debian\", 76 bytes") == 1);
}

TEST_CASE("Secure Boot switched off is seen") {
  REQUIRE(must(verify(fixtures::boot_events({.secure_boot = false}))).secure_boot().enabled ==
          false);
}

TEST_CASE("a SecureBoot variable of no bytes is not read as on") {
  auto events = usual_boot();
  const auto variable = find(events, 7, ev_efi_variable_driver_config);
  variable->data.pop_back();
  variable->data[24] = std::byte{0};  // VariableDataLength
  variable->measured = variable->data;
  REQUIRE_FALSE(must(verify(events)).secure_boot().enabled.has_value());
}

TEST_CASE("a PCR that was extended after the boot is named, with the log's last event for it") {
  const UntrustedEventLog log = must(parsed(usual_boot()));
  PcrValues values = replay(log);
  const Bytes moved = extend(PcrBank::sha256, *values.find(PcrBank::sha256, 4), Bytes(32));
  must(values.set(PcrBank::sha256, 4, moved));
  const auto refused_log = verify_event_log(log, quote_of(values));
  REQUIRE_RULE(refused_log, rules::eventlog_unexplained);
  const std::string words = refused_log.error().to_string();
  INFO(words);
  REQUIRE(words.find("PCR 4 (sha256)") != std::string::npos);
  REQUIRE(words.find("/boot/vmlinuz-6.1.0-28-amd64") != std::string::npos);
}

TEST_CASE("a PCR without events must be as after a reset") {
  const UntrustedEventLog log = must(parsed(usual_boot()));
  PcrValues values = replay(log);
  must(values.set(PcrBank::sha256, 14, Bytes(32, std::byte{1})));
  REQUIRE_RULE(verify_event_log(log, quote_of(values)), rules::eventlog_unexplained);
}

TEST_CASE("a log with events is not explained by PCRs of zeros") {
  REQUIRE_RULE(verify_event_log(must(parsed(usual_boot())), quote_of({})),
               rules::eventlog_unexplained);
}

TEST_CASE("PCRs the system extends need no explanation, and are then not believed") {
  const UntrustedEventLog log = must(parsed(usual_boot()));
  PcrValues values = replay(log);
  must(values.set(PcrBank::sha256, 9, Bytes(32, std::byte{1})));
  const VerifiedEventLog verified =
      must(verify_event_log(log, quote_of(values), {.extended_by_system = {9}}));
  REQUIRE_FALSE(verified.explained().contains(9));
  REQUIRE(verified.not_vouched() == 4);
}

TEST_CASE("a bank that is quoted and not in the log is refused") {
  const UntrustedEventLog log =
      must(parse_event_log(fixtures::encode_log(usual_boot(), {HashAlgorithm::sha384})));
  REQUIRE_RULE(verify_event_log(log, quote_of({})), rules::eventlog_bank);
}

TEST_CASE("an event retyped as one that is not extended leaves its PCR unexplained") {
  const VerifiedQuote quote = quote_of(replay(must(parsed(usual_boot()))));
  auto events = usual_boot();
  find(events, 4, ev_efi_boot_services_application)->type = ev_no_action;
  REQUIRE_RULE(verify_event_log(must(parsed(events)), quote), rules::eventlog_unexplained);
}

TEST_CASE("a separator that is missing, or comes twice, is refused") {
  auto missing = usual_boot();
  missing.erase(find(missing, 2, ev_separator));
  REQUIRE_RULE(verify(missing), rules::eventlog_separator);
  auto twice = usual_boot();
  twice.push_back(*find(twice, 2, ev_separator));
  REQUIRE_RULE(verify(twice), rules::eventlog_separator);
}

TEST_CASE("data that is not what was measured is refused where the type says it must be") {
  auto events = usual_boot();
  find(events, 7, ev_efi_variable_driver_config)->data.back() = std::byte{0};
  REQUIRE_RULE(verify(events), rules::eventlog_data_digest);
}

TEST_CASE("Secure Boot configuration measured after the separator is refused") {
  auto events = usual_boot();
  events.push_back(*find(events, 7, ev_efi_variable_driver_config));
  REQUIRE_RULE(verify(events), rules::eventlog_after_separator);
}

TEST_CASE("an EV_NO_ACTION event is not extended") {
  auto events = usual_boot();
  const PcrValues before = replay(must(parsed(events)));
  events.push_back({4, ev_no_action, to_bytes("note"), to_bytes("note")});
  REQUIRE(replay(must(parsed(events))) == before);
}

BootEvent startup_locality(std::uint8_t locality) {
  Bytes data = to_bytes(std::string_view("StartupLocality\0", 16));
  append_u8(data, locality);
  return {0, ev_no_action, {}, data};
}

TEST_CASE("PCR 0 starts at the startup locality") {
  auto events = usual_boot();
  events.insert(events.begin(), startup_locality(3));
  const UntrustedEventLog log = must(parsed(events));
  REQUIRE(log.startup_locality() == 3);
  REQUIRE(*replay(log).find(PcrBank::sha256, 0) !=
          *replay(must(parsed(usual_boot()))).find(PcrBank::sha256, 0));
  REQUIRE_OK(verify(events));
}

TEST_CASE("a startup locality that is late, doubled or impossible is refused") {
  auto late = usual_boot();
  late.push_back(startup_locality(3));
  REQUIRE_RULE(parsed(late), rules::eventlog_locality);
  auto twice = usual_boot();
  twice.insert(twice.begin(), 2, startup_locality(3));
  REQUIRE_RULE(parsed(twice), rules::eventlog_locality);
  auto impossible = usual_boot();
  impossible.insert(impossible.begin(), startup_locality(1));
  REQUIRE_RULE(parsed(impossible), rules::eventlog_locality);
}

TEST_CASE("a startup locality padded to a fixed size is read, and remarked on") {
  auto events = usual_boot();
  BootEvent padded = startup_locality(3);
  padded.data.resize(padded.data.size() + 30);
  events.insert(events.begin(), padded);
  const UntrustedEventLog log = must(parsed(events));
  REQUIRE(log.startup_locality() == 3);
  REQUIRE(log.quirks().size() == 1);
  events.front().data.back() = std::byte{1};
  REQUIRE_RULE(parsed(events), rules::eventlog_locality);
}

TEST_CASE("after an H-CRTM, PCR 0 starts at 4") {
  auto events = usual_boot();
  const Bytes data = to_bytes("HCRTM");
  events.insert(events.begin(), {0, ev_efi_hcrtm_event, data, data});
  REQUIRE(must(parsed(events)).startup_locality() == 4);
  events = usual_boot();
  events.push_back({0, ev_efi_hcrtm_event, data, data});
  REQUIRE(must(parsed(events)).startup_locality() == 0);
}

TEST_CASE("a startup locality the log leaves out explains the refusal, and is not believed") {
  auto events = usual_boot();
  const UntrustedEventLog without = must(parsed(events));
  events.insert(events.begin(), startup_locality(3));
  const auto refused_log = verify_event_log(without, quote_of(replay(must(parsed(events)))));
  REQUIRE_RULE(refused_log, rules::eventlog_unexplained);
  REQUIRE(refused_log.error().what.find("startup locality 3") != std::string::npos);
}

TEST_CASE("what shim 15 records is not believed, and refuses nothing") {
  auto events = usual_boot();
  Bytes data;
  append(data, must(from_hex("50ab5d6046e00043abb63dd810dd8b23")));
  append_u64_le(data, 4);
  append_u64_le(data, 3);
  for (const char c : std::string("Shim")) append_u16_le(data, static_cast<std::uint16_t>(c));
  append(data, as_bytes("DER"));
  events.insert(find(events, 7, ev_separator),
                {7, ev_efi_variable_authority, to_bytes("something else"), data});
  const VerifiedEventLog log = must(verify(events));
  REQUIRE(boot_facts(log.events(), log.bank()).authorities.empty());
  data[32] = std::byte{'T'};  // "Thim": another record that is not what was measured
  std::ranges::find_if(events, [](const BootEvent& event) {
    return event.type == ev_efi_variable_authority && event.measured == to_bytes("something else");
  })->data = data;
  REQUIRE_RULE(verify(events), rules::eventlog_data_digest);
}

TEST_CASE("findings of a log without a quote are those it would be refused by") {
  REQUIRE(event_log_findings(must(parsed(usual_boot()))).empty());
  auto events = usual_boot();
  events.erase(find(events, 4, ev_separator));
  find(events, 7, ev_efi_variable_driver_config)->data.back() = std::byte{0};
  events.push_back(*find(events, 7, ev_efi_variable_driver_config));
  std::vector<std::string_view> rules_found;
  for (const EventLogFinding& finding : event_log_findings(must(parsed(events))))
    rules_found.push_back(finding.rule.name);
  REQUIRE(rules_found ==
          std::vector{rules::eventlog_separator.name, rules::eventlog_after_separator.name,
                      rules::eventlog_data_digest.name, rules::eventlog_data_digest.name});
}

TEST_CASE("a second Spec ID event is refused") {
  auto events = usual_boot();
  events.push_back({0, ev_no_action, {}, to_bytes("Spec ID Event03")});
  REQUIRE_RULE(parsed(events), rules::eventlog_spec_id);
}

TEST_CASE("a Spec ID event that was extended is no header") {
  Bytes log = fixtures::encode_log(usual_boot(), one_bank);
  log[8] = std::byte{1};
  REQUIRE_RULE(parse_event_log(log), rules::eventlog_spec_id);
}

TEST_CASE("counts and sizes that lie are refused without being believed") {
  constexpr std::size_t header = 32 + 16 + 8 + 4 + 4 + 1;
  const Bytes good = fixtures::encode_log(usual_boot(), one_bank);
  Bytes count = good;
  std::fill_n(count.begin() + header + 8, 4, std::byte{0xff});
  REQUIRE_RULE(parse_event_log(count), rules::eventlog_algorithm);
  Bytes unknown = good;
  unknown[header + 12] = std::byte{0x0c};  // sha384, which is not announced
  REQUIRE_RULE(parse_event_log(unknown), rules::eventlog_algorithm);
  Bytes size = good;
  std::fill_n(size.begin() + header + 14 + 32, 4, std::byte{0xff});
  REQUIRE_RULE(parse_event_log(size), rules::bytes_truncated);
  Bytes index = good;
  index[header] = std::byte{24};
  REQUIRE_RULE(parse_event_log(index), rules::eventlog_pcr_index);
}

TEST_CASE("padding is accepted only where it is allowed") {
  for (const std::byte filler : {std::byte{0}, std::byte{0xff}}) {
    Bytes log = fixtures::encode_log(usual_boot(), one_bank);
    log.insert(log.end(), 100, filler);
    REQUIRE_RULE(parse_event_log(log), rules::eventlog_trailing);
    REQUIRE(must(parse_event_log(log, {.allow_padding = true})).events().size() ==
            usual_boot().size() + 1);
  }
}

TEST_CASE("no cut of a log crashes, and only whole events are accepted") {
  const Bytes log = fixtures::encode_log(usual_boot(), one_bank);
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < log.size(); ++size)
    if (parse_event_log(ByteView(log).first(size))) ++accepted;
  REQUIRE(accepted == usual_boot().size());
}

}  // namespace
}  // namespace attest::tpm
