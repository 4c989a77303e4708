// attestctl quote verify: a TPM's quote from files, without a verifier.
#include <optional>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/tpm/quote.h"
#include "libattest/tpm/quote_history.h"

namespace attest::cli {

namespace {

struct QuoteOptions {
  std::string attest;
  std::string signature;
  std::string ak;
  std::string pcrs;
  std::optional<std::string> nonce;
  std::string select;
  std::string after;
  bool allow_sha1 = false;
  bool allow_empty_nonce = false;
};

// A verifier's own nonces have 16 bytes and more; recorded evidence of others has shorter ones.
constexpr std::size_t shortest_nonce = 8;
constexpr std::size_t usual_nonce = 16;

Status add_register(tpm::PcrValues& values, const std::string& bank_name, const std::string& index,
                    const Json& value) {
  TRY(const HashAlgorithm bank, hash_by_name(bank_name));
  const bool decimal = !index.empty() && index.size() <= 2 &&
                       index.find_first_not_of("0123456789") == std::string::npos;
  if (!decimal || !value.is_string())
    return fail(refused(rules::pcr_form, "PCR values have the wrong form")
                    .expected("an index and hexadecimal text")
                    .found("\"" + printable(index) + "\""));
  TRY(const Bytes bytes, from_hex(value.get<std::string>()));
  return values.set(bank, static_cast<unsigned>(std::stoul(index)), bytes);
}

// {"sha256": {"0": "hex", …}}, or the same under "pcrs", as this program prints it.
Result<tpm::PcrValues> pcrs_from_json(const Json& json) {
  const Json& banks = json.contains("pcrs") ? json["pcrs"] : json;
  tpm::PcrValues values;
  for (const auto& [bank, registers] : banks.items()) {
    TRY_WITHIN(bank, [[maybe_unused]] const JsonFields fields, JsonFields::of(registers, bank));
    for (const auto& [index, value] : registers.items())
      if (const Status added = add_register(values, bank, index, value); !added)
        return fail(Error(added.error()).within(printable(bank) + " " + printable(index)));
  }
  return values;
}

// Values as JSON, raw in selection order, or as tpm2-tools keep them.
Result<tpm::PcrValues> read_pcrs(const std::string& path, const tpm::PcrSelection& selection) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  const std::string_view text = as_text(content);
  const bool json_text = text.starts_with('{') && text.find('"') != std::string_view::npos;
  if (json_text) {
    TRY_WITHIN(path, const Json json, parse_json(text));
    TRY_WITHIN(path, auto values, pcrs_from_json(json));
    return values;
  }
  auto raw = tpm::pcrs_from_raw(selection, content);
  if (raw) return raw;
  if (auto values = tpm::pcrs_from_tools(selection, content)) return values;
  return fail(std::move(raw).error().within(path));
}

Result<tpm::QuoteRules> quote_rules(const QuoteOptions& options) {
  tpm::QuoteRules quote_rules;
  quote_rules.allow_sha1_bank = quote_rules.allow_sha1_signature = options.allow_sha1;
  quote_rules.allow_empty_nonce = options.allow_empty_nonce;
  quote_rules.minimum_nonce = shortest_nonce;
  quote_rules.without_pcr_values = options.pcrs.empty();
  // An empty --nonce says that none was asked for, which takes the explicit word as well.
  const bool none_asked = options.nonce && options.nonce->empty() && options.allow_empty_nonce;
  if (options.nonce && !none_asked) {
    TRY_WITHIN("--nonce", quote_rules.nonce, from_hex(*options.nonce));
  }
  if (!options.select.empty()) {
    TRY_WITHIN("--select", quote_rules.selection, tpm::parse_selection(options.select));
  }
  return quote_rules;
}

Result<tpm::VerifiedQuote> verify(const QuoteOptions& options) {
  TRY(const Bytes attest, read_file(options.attest, 1U << 16));
  TRY(const Bytes signature_bytes, read_file(options.signature, 1U << 16));
  TRY(const Bytes ak, read_file(options.ak, 1U << 16));
  TRY(const tpm::QuoteRules asked, quote_rules(options));
  TRY_WITHIN(options.attest, const auto quote, tpm::parse_quote(attest));
  TRY_WITHIN(options.signature, const auto signature, tpm::parse_signature(signature_bytes));
  tpm::PcrValues values;
  if (!options.pcrs.empty()) {
    TRY(values, read_pcrs(options.pcrs, quote.selection));
  }
  // A key in PEM or as SubjectPublicKeyInfo says nothing of its attributes; a public area does.
  if (auto key = PublicKey::from_der_or_pem(ak))
    return tpm::verify_quote(quote, signature, *key, values, asked);
  TRY_WITHIN(options.ak, auto area, tpm::parse_any_public(ak));
  TRY_WITHIN(options.ak, const auto verified_ak,
             tpm::verify_ak(std::move(area), {.allow_sha1 = options.allow_sha1}));
  return tpm::verify_quote(quote, signature, verified_ak, values, asked);
}

// The clock against that of an earlier quote of the same AK.
Status compare(const QuoteOptions& options, const tpm::VerifiedQuote& quote, Report& report) {
  TRY(const Bytes attest, read_file(options.after, 1U << 16));
  TRY_WITHIN(options.after, const auto earlier, tpm::parse_quote(attest));
  if (earlier.qualified_signer != quote.quote().qualified_signer)
    return fail(refused(rules::quote_other_key,
                        "the earlier quote is by another key: their clocks "
                        "cannot be compared")
                    .expected(to_hex(quote.quote().qualified_signer))
                    .found(to_hex(earlier.qualified_signer))
                    .within(options.after));
  const tpm::QuoteHistory history =
      tpm::compare_quotes({earlier.clock, earlier.firmware_version, {}}, tpm::QuoteMark::of(quote));
  report.field("since then", history.words);
  report.json["since"] = {{"change", tpm::to_string(history.clock)},
                          {"firmware_changed", history.firmware_changed},
                          {"words", history.words}};
  if (!history.acceptable())
    return fail(refused(rules::quote_replayed, "the quote does not follow the earlier one")
                    .expected("a quote made after " + options.after)
                    .found(history.words));
  return {};
}

void show(const tpm::VerifiedQuote& quote, std::vector<std::string> not_checked, Report& report) {
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
                 {"pcr_digest", to_hex(quote.quote().pcr_digest)},
                 {"not_checked", not_checked}};
  for (const auto& [bank, registers] : quote.pcrs().banks())
    for (const auto& [index, value] : registers)
      report.json["pcrs"][std::string(hash_name(bank))][std::to_string(index)] = to_hex(value);
  if (quote.uses_sha1()) report.line("it rests on SHA-1, which was allowed");
  for (const std::string& line : not_checked) report.field("not checked", line);
}

Result<Report> quote_verify(const QuoteOptions& options) {
  TRY(const tpm::VerifiedQuote quote, verify(options));
  std::vector<std::string> not_checked = quote.not_checked();
  const std::size_t nonce_size = quote.quote().extra_data.size();
  if (options.nonce && nonce_size < usual_nonce)
    not_checked.push_back("whether the nonce was used once: it has " + std::to_string(nonce_size) +
                          " bytes, few enough to be guessed or to come again");
  if (options.after.empty())
    not_checked.emplace_back("the clock: no earlier quote of this key was given");
  Report report;
  show(quote, std::move(not_checked), report);
  if (!options.after.empty()) TRY_VOID(compare(options, quote, report));
  return report;
}

}  // namespace

void add_quote_commands(CommandLine& command_line) {
  Command* verb = command_line.verb(
      command_line.group("quote", "TPM quotes"), "verify", "Check a TPM quote from files",
      "attestctl quote verify --attest q.attest --signature q.sig --ak ak.pub --pcrs q.pcrs");
  auto quote = std::make_shared<QuoteOptions>();
  verb->add_option("--attest", quote->attest, "TPMS_ATTEST or TPM2B_ATTEST")->required();
  verb->add_option("--signature", quote->signature, "TPMT_SIGNATURE")->required();
  verb->add_option("--ak", quote->ak, "TPM2B_PUBLIC or TPMT_PUBLIC, or a PEM or DER key")
      ->required();
  verb->add_option("--pcrs", quote->pcrs,
                   "PCR values: raw in selection order, JSON, or as tpm2-tools keep them");
  verb->add_option("--nonce", quote->nonce, "The nonce asked for, in hexadecimal");
  verb->add_option("--select", quote->select, "The PCRs asked for, such as sha256:0,1,7");
  verb->add_option("--after", quote->after,
                   "A TPMS_ATTEST of this key, accepted earlier: the clock must have gone on");
  verb->add_flag("--allow-sha1", quote->allow_sha1,
                 "Accept SHA-1 banks and signatures, and say so");
  verb->add_flag("--allow-empty-nonce", quote->allow_empty_nonce,
                 "Accept a quote that answers no challenge, and say so");
  command_line.runs(verb, [quote](const Context&) { return quote_verify(*quote); });
}

}  // namespace attest::cli
