// attestctl quote verify, eventlog show, ek verify: TPM evidence from files, without a verifier.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/tpm/ek.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/quote.h"

namespace attest::cli {

namespace {

struct QuoteOptions {
  std::string attest;
  std::string signature;
  std::string ak;
  std::string pcrs;
  std::string nonce;
  std::string select;
  bool allow_sha1 = false;
};

// PCR values as JSON {"sha256": {"0": "hex", …}} or raw, one after the other in selection order.
Result<tpm::PcrValues> read_pcrs(const std::string& path, const tpm::PcrSelection& selection) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  const std::string_view text = as_text(content);
  if (!text.starts_with('{')) {
    TRY_WITHIN(path, auto values, tpm::pcrs_from_raw(selection, content));
    return values;
  }
  TRY_WITHIN(path, const Json json, parse_json(text));
  tpm::PcrValues values;
  for (const auto& [bank_name, registers] : json.items()) {
    TRY_WITHIN(path, const HashAlgorithm bank, hash_by_name(bank_name));
    TRY_WITHIN(path + ": " + bank_name, [[maybe_unused]] const JsonFields fields,
               JsonFields::of(registers, bank_name));
    for (const auto& [index, value] : registers.items()) {
      const bool decimal = !index.empty() && index.size() <= 2 &&
                           index.find_first_not_of("0123456789") == std::string::npos;
      if (!decimal || !value.is_string())
        return fail(refused(rules::pcr_form, "PCR values have the wrong form")
                        .expected("an index and hexadecimal text")
                        .found("\"" + printable(index) + "\"")
                        .within(path + ": " + bank_name));
      TRY_WITHIN(path + ": " + bank_name + " " + index, const Bytes bytes,
                 from_hex(value.get<std::string>()));
      TRY_VOID(values.set(bank, static_cast<unsigned>(std::stoul(index)), bytes));
    }
  }
  return values;
}

Result<tpm::VerifiedQuote> verify(const QuoteOptions& options) {
  TRY(const Bytes attest, read_file(options.attest, 1U << 16));
  TRY(const Bytes signature_bytes, read_file(options.signature, 1U << 16));
  TRY(const Bytes ak, read_file(options.ak, 1U << 16));
  TRY_WITHIN(options.attest, const auto quote, tpm::parse_quote(attest));
  TRY_WITHIN(options.signature, const auto signature, tpm::parse_signature(signature_bytes));
  tpm::QuoteRules quote_rules;
  quote_rules.allow_sha1_bank = quote_rules.allow_sha1_signature = options.allow_sha1;
  if (!options.nonce.empty()) {
    TRY_WITHIN("--nonce", quote_rules.nonce, from_hex(options.nonce));
  }
  if (!options.select.empty()) {
    TRY_WITHIN("--select", quote_rules.selection, tpm::parse_selection(options.select));
  }
  tpm::PcrValues values;
  if (!options.pcrs.empty()) {
    TRY(values, read_pcrs(options.pcrs, quote.selection));
  }
  // A key in PEM or as SubjectPublicKeyInfo says nothing of its attributes; a public area does.
  if (auto key = PublicKey::from_der_or_pem(ak))
    return tpm::verify_quote(quote, signature, *key, values, quote_rules);
  TRY_WITHIN(options.ak, auto area, tpm::parse_any_public(ak));
  TRY_WITHIN(options.ak, const auto verified_ak,
             tpm::verify_ak(std::move(area), {.allow_sha1 = options.allow_sha1}));
  return tpm::verify_quote(quote, signature, verified_ak, values, quote_rules);
}

Result<Report> quote_verify(const QuoteOptions& options) {
  TRY(const tpm::VerifiedQuote quote, verify(options));
  Report report;
  report.line("the quote is genuine");
  report.field("key", std::string(to_string(quote.key().kind())) +
                          ", key:" + to_hex(quote.key().thumbprint()));
  report.field("PCRs", quote.selection().to_string());
  const tpm::ClockInfo& clock = quote.clock();
  report.field("clock", std::to_string(clock.clock) + " ms, reset " +
                            std::to_string(clock.reset_count) + ", restart " +
                            std::to_string(clock.restart_count) + (clock.safe ? "" : ", not safe"));
  report.json = {{"key", to_hex(quote.key().thumbprint())},
                 {"selection", quote.selection().to_string()},
                 {"nonce", to_hex(quote.quote().extra_data)},
                 {"clock", clock.clock},
                 {"reset_count", clock.reset_count},
                 {"restart_count", clock.restart_count},
                 {"safe", clock.safe},
                 {"firmware_version", quote.firmware_version()},
                 {"uses_sha1", quote.uses_sha1()},
                 {"not_checked", quote.not_checked()}};
  for (const auto& [bank, registers] : quote.pcrs().banks())
    for (const auto& [index, value] : registers)
      report.json["pcrs"][std::string(hash_name(bank))][std::to_string(index)] = to_hex(value);
  if (quote.uses_sha1()) report.line("it rests on SHA-1, which was allowed");
  for (const std::string& line : quote.not_checked()) report.field("not checked", line);
  return report;
}

struct EventLogOptions {
  std::string file;
  bool padded = false;
};

Result<Report> eventlog_show(const EventLogOptions& options) {
  TRY(const Bytes content, read_file(options.file));
  TRY_WITHIN(options.file, const auto log,
             tpm::parse_event_log(content, {.allow_padding = options.padded}));
  Report report;
  report.json["format"] = tpm::event_log_format_name(log.format());
  report.json["events"] = OrderedJson::array();
  report.json["banks"] = OrderedJson::array();
  for (const tpm::PcrBank bank : log.banks()) report.json["banks"].push_back(hash_name(bank));
  const tpm::PcrBank shown_bank = log.banks().back();
  Table table({"event", "PCR", "what"});
  for (const tpm::Event& event : log.events()) {
    const std::string what = tpm::describe(event);
    table.row({std::to_string(event.number), std::to_string(event.pcr), what});
    OrderedJson json = {{"number", event.number},
                        {"pcr", event.pcr},
                        {"type", tpm::event_type_name(event.type)},
                        {"what", what}};
    for (const tpm::PcrBank bank : log.banks())
      if (!event.digest(bank).empty())
        json["digests"][std::string(hash_name(bank))] = to_hex(event.digest(bank));
    json["data_measured"] = event.data_measured(shown_bank);
    report.json["events"].push_back(std::move(json));
  }
  report.line(options.file + ": " + std::string(tpm::event_log_format_name(log.format())) + ", " +
              std::to_string(log.events().size()) + " events");
  table.print_to(report);
  report.line("PCRs as this log would have them:");
  report.json["pcrs"] = OrderedJson::object();
  const tpm::PcrValues replayed = tpm::replay(log);
  for (const auto& [bank, registers] : replayed.banks())
    for (const auto& [index, value] : registers) {
      report.json["pcrs"][std::string(hash_name(bank))][std::to_string(index)] = to_hex(value);
      if (bank == shown_bank)
        report.field(std::string(hash_name(bank)) + " " + std::to_string(index), to_hex(value));
    }
  report.json["not_checked"] = {"nothing vouches for this log: no quote was given"};
  report.field("not checked", "nothing vouches for this log: no quote was given");
  return report;
}

struct EkOptions {
  std::string certificate;
  std::string roots;
  std::string intermediates;
  std::string at;
};

// Every certificate in a folder's files, in the order of their names. A folder of roots holds other
// files too, and files that no strict reader takes: they are passed over, by name.
Result<std::vector<Certificate>> certificates_in(const std::string& folder,
                                                 std::vector<std::string>& passed_over) {
  std::vector<Certificate> all;
  if (folder.empty()) return all;
  TRY(const auto names, system_files().list(folder));
  for (const std::string& name : names) {
    const Path path = Path(folder) / name;
    if (!std::filesystem::is_regular_file(path)) continue;
    TRY(const Bytes content, read_file(path, 1U << 20));
    const auto found = Certificate::from_der_or_pem(content);
    if (found)
      all.insert(all.end(), found->begin(), found->end());
    else
      passed_over.push_back(path.string());
  }
  return all;
}

Result<Report> ek_verify(const EkOptions& options, Time now) {
  TRY(const Bytes content, read_file(options.certificate, 1U << 20));
  tpm::EkRules ek_rules{.at = now, .roots = {}, .intermediates = {}, .crls = {}};
  if (!options.at.empty()) {
    TRY_WITHIN("--at", ek_rules.at, parse_time(options.at));
  }
  std::vector<std::string> passed_over;
  TRY(ek_rules.roots, certificates_in(options.roots, passed_over));
  TRY(ek_rules.intermediates, certificates_in(options.intermediates, passed_over));
  const bool pem = as_text(content).find("-----BEGIN") != std::string_view::npos;
  TRY_WITHIN(options.certificate, const Certificate leaf,
             pem ? Certificate::from_pem(as_text(content)) : tpm::certificate_from_nv(content));
  TRY_WITHIN(options.certificate, const VerifiedChain chain,
             tpm::verify_ek_certificate(leaf, ek_rules));
  Report report;
  report.line(options.certificate + " chains to a trusted root");
  report.json["chain"] = OrderedJson::array();
  for (const Certificate& certificate : chain.certificates()) {
    report.field("", certificate.subject().empty()
                         ? "(empty subject) issued by " + certificate.issuer()
                         : certificate.subject());
    report.json["chain"].push_back(
        {{"subject", certificate.subject()}, {"sha256", to_hex(certificate.fingerprint())}});
  }
  TRY(const PublicKey key, leaf.public_key());
  report.field("identity", "ek:" + to_hex(key.thumbprint()));
  report.json["identity"] = "ek:" + to_hex(key.thumbprint());
  report.json["passed_over"] = passed_over;
  for (const std::string& path : passed_over)
    report.field("passed over", path + ", no certificate");
  report.json["not_checked"] = {"that a device manifest names this EK",
                                "revocation: no CRL was given"};
  report.field("not checked",
               "that a device manifest names this EK; revocation (no CRL was given)");
  return report;
}

}  // namespace

void add_tpm_commands(CommandLine& command_line) {
  CLI::App* verb = command_line.verb(
      command_line.group("quote", "TPM quotes"), "verify", "Check a TPM quote from files",
      "attestctl quote verify --attest q.attest --signature q.sig --ak ak.pub --pcrs q.pcrs");
  auto quote = std::make_shared<QuoteOptions>();
  verb->add_option("--attest", quote->attest, "TPMS_ATTEST or TPM2B_ATTEST")->required();
  verb->add_option("--signature", quote->signature, "TPMT_SIGNATURE")->required();
  verb->add_option("--ak", quote->ak, "TPM2B_PUBLIC or TPMT_PUBLIC, or a PEM or DER key")
      ->required();
  verb->add_option("--pcrs", quote->pcrs, "PCR values: raw in selection order, or JSON");
  verb->add_option("--nonce", quote->nonce, "The nonce asked for, in hexadecimal");
  verb->add_option("--select", quote->select, "The PCRs asked for, such as sha256:0,1,7");
  verb->add_flag("--allow-sha1", quote->allow_sha1,
                 "Accept SHA-1 banks and signatures, and say so");
  command_line.runs(verb, [quote](const Context&) { return quote_verify(*quote); });

  verb = command_line.verb(
      command_line.group("eventlog", "Measured-boot event logs"), "show",
      "Show an event log in words",
      "attestctl eventlog show /sys/kernel/security/tpm0/binary_bios_measurements");
  auto eventlog = std::make_shared<EventLogOptions>();
  verb->add_option("FILE", eventlog->file, "The log, as firmware and kernel give it")->required();
  verb->add_flag("--padded", eventlog->padded, "Accept padding after the last event (CCEL areas)");
  command_line.runs(verb, [eventlog](const Context&) { return eventlog_show(*eventlog); });

  verb = command_line.verb(
      command_line.group("ek", "TPM endorsement keys"), "verify", "Check an EK certificate",
      "attestctl ek verify ek.der --roots roots/ --intermediates intermediates/");
  auto ek = std::make_shared<EkOptions>();
  verb->add_option("CERT", ek->certificate, "DER, PEM, or as read from TPM NV")->required();
  verb->add_option("--roots", ek->roots, "A folder of trusted roots")->required();
  verb->add_option("--intermediates", ek->intermediates, "A folder of intermediates");
  verb->add_option("--at", ek->at, "The time to check at; now without");
  command_line.runs(verb, [ek](const Context& context) { return ek_verify(*ek, context.now); });
}

}  // namespace attest::cli
