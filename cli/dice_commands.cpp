// attestctl dice verify; spdm verify, show: devices that speak DICE and SPDM, from files.
#include "cli/collateral_files.h"
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/dice/chain.h"
#include "libattest/dice/spdm.h"

namespace attest::cli {

namespace {

struct DiceOptions {
  std::vector<std::string> chain;
  std::vector<std::string> roots;
  std::vector<std::string> crls;
  std::string at;
};

Result<Time> time_of(const std::string& text, Time now) {
  if (text.empty()) return now;
  TRY_WITHIN("--at", const Time at, parse_time(text));
  return at;
}

// Certificates of several files, one after another: the order is the chain's.
Result<std::vector<Certificate>> chain_of(const std::vector<std::string>& paths) {
  std::vector<Certificate> chain;
  for (const std::string& path : paths) {
    TRY(const Bytes content, read_file(path, 1U << 20));
    TRY_WITHIN(path, const auto certificates, Certificate::from_der_or_pem(content));
    chain.insert(chain.end(), certificates.begin(), certificates.end());
  }
  return chain;
}

OrderedJson json_of(const dice::TcbInfo& info) {
  OrderedJson json = {{"vendor", info.vendor},   {"model", info.model},
                      {"version", info.version}, {"type", printable(as_text(info.type), 64)},
                      {"debug", info.debug()},   {"firmware_ids", OrderedJson::array()}};
  if (info.svn) json["svn"] = *info.svn;
  if (info.layer) json["layer"] = *info.layer;
  if (info.flags) json["flags"] = *info.flags;
  for (const dice::FirmwareId& id : info.firmware_ids)
    json["firmware_ids"].push_back({{"algorithm", id.algorithm}, {"digest", to_hex(id.digest)}});
  return json;
}

Result<Report> dice_verify(const DiceOptions& options, Time now) {
  std::vector<std::string> passed_over;
  TRY(const auto chain, chain_of(options.chain));
  TRY(const auto roots, certificates_at(options.roots, passed_over));
  TRY(const Time at, time_of(options.at, now));
  TRY(const auto crls, crls_at(options.crls, passed_over));
  TRY(const dice::VerifiedDiceChain verified, dice::verify_dice_chain(chain, roots, at, crls));
  Report report;
  report.line("the chain holds: " + std::to_string(verified.layers().size()) + " certificates");
  report.json["at"] = to_rfc3339(at);
  report.json["layers"] = OrderedJson::array();
  for (const dice::Layer& layer : verified.layers()) {
    report.field("layer", layer.certificate.subject());
    OrderedJson json = {{"subject", layer.certificate.subject()},
                        {"sha256", to_hex(layer.certificate.fingerprint())},
                        {"tcb", OrderedJson::array()}};
    if (layer.ueid) json["ueid"] = to_hex(*layer.ueid);
    for (const dice::TcbInfo& info : layer.tcb_infos) {
      json["tcb"].push_back(json_of(info));
      const std::string name = printable(as_text(info.type), 64);
      for (const dice::FirmwareId& id : info.firmware_ids)
        report.field("  firmware", (name.empty() ? "" : name + " ") + to_hex(id.digest));
      if (info.debug()) report.field("  debug", "this layer may be debugged, or is not secured");
    }
    report.json["layers"].push_back(std::move(json));
  }
  std::vector<std::string> not_checked = {"firmware ids: no reference values were given"};
  if (crls.empty()) not_checked.emplace_back("revocation: no CRL was given");
  report.json["not_checked"] = not_checked;
  report.json["passed_over"] = passed_over;
  for (const std::string& line : not_checked) report.field("not checked", line);
  return report;
}

struct SpdmOptions {
  std::string transcript;
  std::vector<std::string> chain;
  std::vector<std::string> roots;
  std::string negotiation;
  std::string nonce;
  std::string at;
};

void show_blocks(const std::vector<dice::MeasurementBlock>& blocks, Report& report) {
  report.json["measurements"] = OrderedJson::array();
  Table table({"index", "type", "value"});
  for (const dice::MeasurementBlock& block : blocks) {
    table.row({std::to_string(block.index), std::to_string(block.type) + (block.raw ? " raw" : ""),
               to_hex(block.value)});
    report.json["measurements"].push_back({{"index", block.index},
                                           {"type", block.type},
                                           {"raw", block.raw},
                                           {"value", to_hex(block.value)}});
  }
  table.print_to(report);
}

Result<Report> spdm_verify(const SpdmOptions& options, Time now) {
  TRY(const Bytes transcript, read_file(options.transcript, 1U << 20));
  TRY(const auto chain, chain_of(options.chain));
  std::vector<std::string> passed_over;
  dice::SpdmRules rules{.at = now, .roots = {}, .intermediates = chain};
  TRY(rules.at, time_of(options.at, now));
  TRY(rules.roots, certificates_at(options.roots, passed_over));
  if (!options.negotiation.empty()) {
    TRY(rules.negotiation, read_file(options.negotiation, 1U << 20));
  }
  if (!options.nonce.empty()) {
    TRY_WITHIN("--nonce", rules.nonce, from_hex(options.nonce));
  }
  TRY_WITHIN(options.transcript, const dice::VerifiedMeasurements verified,
             dice::verify_measurements(transcript, chain.front(), rules));
  Report report;
  report.line("the measurements are signed by " + chain.front().subject());
  report.field("version", std::to_string(verified->version >> 4U) + "." +
                              std::to_string(verified->version & 15U));
  report.field("nonce", to_hex(verified->nonce));
  report.json["version"] =
      std::to_string(verified->version >> 4U) + "." + std::to_string(verified->version & 15U);
  report.json["nonce"] = to_hex(verified->nonce);
  report.json["slot"] = verified->slot;
  report.json["opaque"] = to_hex(verified->opaque);
  report.json["at"] = to_rfc3339(rules.at);
  show_blocks(verified->blocks, report);
  std::vector<std::string> not_checked = {"measurements: no reference values were given",
                                          "revocation: no CRL was given"};
  if (!rules.nonce) not_checked.emplace_back("freshness: no nonce was given");
  report.json["not_checked"] = not_checked;
  for (const std::string& line : not_checked) report.field("not checked", line);
  return report;
}

Result<Report> spdm_show(const std::string& path) {
  TRY(const Bytes record, read_file(path, 1U << 20));
  TRY_WITHIN(path, const auto blocks, dice::parse_measurement_record(record));
  Report report;
  report.line(path + ": " + std::to_string(blocks.size()) + " measurements");
  show_blocks(blocks, report);
  report.json["not_checked"] = {"nothing vouches for this record: it has no signature"};
  report.field("not checked", "nothing vouches for this record: it has no signature");
  return report;
}

// A role can be told from a certificate alone.
Result<Report> spdm_certificate(const DiceOptions& options, Time now) {
  std::vector<std::string> passed_over;
  TRY(const auto chain, chain_of(options.chain));
  TRY(const auto roots, certificates_at(options.roots, passed_over));
  TRY(const Time at, time_of(options.at, now));
  const Certificate& leaf = chain.front();
  TRY_VOID(dice::check_responder(leaf));
  TRY(const VerifiedChain verified, verify_chain(leaf, chain, roots, {.at = at}));
  Report report;
  report.line(leaf.subject() + " may respond");
  report.json["chain"] = OrderedJson::array();
  for (const Certificate& each : verified.certificates()) {
    report.field("", each.subject());
    report.json["chain"].push_back(
        {{"subject", each.subject()}, {"sha256", to_hex(each.fingerprint())}});
  }
  report.json["at"] = to_rfc3339(at);
  report.json["responder_usage"] =
      leaf.extended_key_usage().contains(std::string(dice::spdm_responder_usage));
  report.json["not_checked"] = {"revocation: no CRL was given"};
  report.field("not checked", "revocation: no CRL was given");
  return report;
}

std::shared_ptr<DiceOptions> add_chain_options(Command* verb) {
  auto options = std::make_shared<DiceOptions>();
  verb->add_option("CHAIN", options->chain, "Certificates, leaf first, in one file or several")
      ->required();
  verb->add_option("--root", options->roots, "A trusted certificate, or a folder; repeatable")
      ->required();
  verb->add_option("--at", options->at, "The time to check at; now without");
  return options;
}

}  // namespace

void add_dice_commands(CommandLine& command_line) {
  Command* verb = command_line.verb(
      command_line.group("dice", "DICE: layers of firmware that certify one another"), "verify",
      "Check a chain of DICE certificates",
      "attestctl dice verify alias.pem ldevid.pem --root idevid.pem");
  const auto dice = add_chain_options(verb);
  verb->add_option("--crl", dice->crls, "A CRL of an issuer in the chain, or a folder; repeatable");
  command_line.runs(verb,
                    [dice](const Context& context) { return dice_verify(*dice, context.now); });

  Command* group = command_line.group("spdm", "SPDM: measurements of devices");
  verb =
      command_line.verb(group, "verify", "Check a signed measurement transcript",
                        "attestctl spdm verify exchange.bin --chain device.pem --root maker.pem");
  auto spdm = std::make_shared<SpdmOptions>();
  verb->add_option("TRANSCRIPT", spdm->transcript, "GET_MEASUREMENTS and MEASUREMENTS, as sent")
      ->required();
  verb->add_option("--chain", spdm->chain, "The responder's certificates, leaf first")->required();
  verb->add_option("--root", spdm->roots, "A trusted root, or a folder; repeatable")->required();
  verb->add_option("--negotiation", spdm->negotiation,
                   "GET_VERSION to ALGORITHMS, as sent: signed from version 1.2 on");
  verb->add_option("--nonce", spdm->nonce, "The nonce asked with, in hexadecimal");
  verb->add_option("--at", spdm->at, "The time to check at; now without");
  command_line.runs(verb,
                    [spdm](const Context& context) { return spdm_verify(*spdm, context.now); });

  verb = command_line.verb(group, "certificate", "Check that a certificate chain is a responder's",
                           "attestctl spdm certificate device.pem inter.pem --root maker.pem");
  const auto certificate = add_chain_options(verb);
  command_line.runs(verb, [certificate](const Context& context) {
    return spdm_certificate(*certificate, context.now);
  });

  verb = command_line.verb(group, "show", "Print a measurement record",
                           "attestctl spdm show device_measurement.bin");
  auto record = std::make_shared<std::string>();
  verb->add_option("RECORD", *record, "Measurement blocks, as SPDM has them")->required();
  command_line.runs(verb, [record](const Context&) { return spdm_show(*record); });
}

}  // namespace attest::cli
