#include "cli/platform_certificate_files.h"

#include "cli/collateral_files.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/hardware/platform_verification.h"

namespace attest::cli {

namespace {

Result<hardware::UntrustedPlatformCertificate> read_platform(const std::string& path) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  TRY_WITHIN(path, auto certificate, hardware::parse_platform_certificate(content));
  return certificate;
}

OrderedJson json_of(const hardware::Component& component) {
  OrderedJson json = {{"class", hardware::class_name(component.component_class)},
                      {"registry", component.component_class.registry},
                      {"value", component.component_class.value},
                      {"manufacturer", component.manufacturer},
                      {"model", component.model},
                      {"serial", component.serial},
                      {"revision", component.revision}};
  if (component.replaceable) json["replaceable"] = *component.replaceable;
  if (!component.addresses.empty()) json["addresses"] = component.addresses;
  return json;
}

Result<hardware::VerifiedPlatform> verify(const PlatformOptions& options, Time now,
                                          std::vector<std::string>& passed_over, Report& report) {
  hardware::PlatformRules rules{.at = now, .authorities = {}};
  if (!options.at.empty()) {
    TRY_WITHIN("--at", rules.at, parse_time(options.at));
  }
  TRY(rules.authorities, certificates_at(options.authorities, passed_over));
  TRY(rules.intermediates, certificates_at(options.intermediates, passed_over));
  if (!options.ek.empty()) {
    TRY(const Bytes content, read_file(options.ek, 1U << 20));
    TRY_WITHIN(options.ek, const auto certificates, Certificate::from_der_or_pem(content));
    rules.ek = certificates.front();
  }
  TRY(const auto base, read_platform(options.certificate));
  std::vector<hardware::UntrustedPlatformCertificate> deltas;
  for (const std::string& path : options.deltas) {
    TRY(auto delta, read_platform(path));
    deltas.push_back(std::move(delta));
  }
  report.json["at"] = to_rfc3339(rules.at);
  TRY_WITHIN(options.certificate, auto verified, hardware::verify_platform(base, deltas, rules));
  return verified;
}

void show_differences(const std::vector<hardware::NameDifference>& all, Report& report) {
  for (const hardware::NameDifference& each : all) {
    report.field("refused", "the machine's " + each.what + " differs: certified \"" +
                                printable(each.certified, 80) + "\", found \"" +
                                printable(each.found, 80) + "\"");
    report.json["findings"].push_back({{"rule", "hardware.platform.name"},
                                       {"what", each.what},
                                       {"expected", each.certified},
                                       {"found", each.found}});
  }
}

void show_comparison(const hardware::Comparison& comparison, Report& report) {
  for (const auto& pair : comparison.matched) report.field("present", pair.found.to_string());
  for (const auto& missing : comparison.missing) {
    report.field("missing", missing.listed.to_string());
    if (missing.nearest) report.field("  nearest", missing.nearest->to_string());
  }
  for (const auto& each : comparison.unlisted) report.field("unlisted", each.to_string());
  report.json["matched"] = OrderedJson::array();
  report.json["missing"] = OrderedJson::array();
  report.json["unlisted"] = OrderedJson::array();
  for (const auto& pair : comparison.matched) report.json["matched"].push_back(json_of(pair.found));
  for (const auto& missing : comparison.missing) {
    OrderedJson json = json_of(missing.listed);
    if (missing.nearest) json["nearest"] = json_of(*missing.nearest);
    report.json["missing"].push_back(std::move(json));
  }
  for (const auto& each : comparison.unlisted) report.json["unlisted"].push_back(json_of(each));
}

}  // namespace

Result<Report> platform_verify(const PlatformOptions& options, Time now) {
  Report report;
  std::vector<std::string> passed_over;
  TRY(const hardware::VerifiedPlatform platform, verify(options, now, passed_over, report));
  const hardware::UntrustedPlatformCertificate& base = platform.base();
  const hardware::PlatformName& name = platform.name();
  std::optional<hardware::Inventory> found;
  if (!options.components.empty()) {
    TRY(const std::string text, read_text_file(options.components));
    TRY_WITHIN(options.components, found, hardware::parse_inventory(text));
  }
  report.json["form"] = hardware::to_string(base.form);
  report.json["configuration_version"] = base.configuration_version;
  report.json["deltas"] = platform.deltas();
  report.json["issuers"] = platform.issuers();
  report.json["serial"] = to_hex(base.name.serial);
  report.json["platform"] = {{"manufacturer", name.manufacturer},
                             {"model", name.model},
                             {"version", name.version},
                             {"serial", name.serial}};
  report.json["components"] = OrderedJson::array();
  for (const auto& each : platform.components()) report.json["components"].push_back(json_of(each));
  report.json["findings"] = OrderedJson::array();
  std::vector<std::string> not_checked;
  std::vector<hardware::NameDifference> names;
  hardware::Comparison comparison;
  if (found) {
    names = hardware::name_differences(name, found->platform);
    comparison = hardware::compare(platform.components(), found->components);
  }
  if (!names.empty() || !comparison.equal()) report.outcome = Outcome::refused;
  report.line(options.certificate + ": " +
              (report.outcome == Outcome::pass ? "the certificate holds"
                                               : "the machine is not the one that was certified"));
  if (found) {
    show_differences(names, report);
    show_comparison(comparison, report);
  } else {
    for (const auto& each : platform.components()) report.field("listed", each.to_string());
    not_checked.emplace_back("the machine's parts: no inventory was given");
  }
  if (!platform.ek_checked())
    not_checked.emplace_back("whose TPM it is about: no EK certificate was given");
  not_checked.emplace_back("revocation: no CRL was given");
  report.field("platform", printable(name.manufacturer + " " + name.model) + ", serial " +
                               printable(name.serial));
  for (const std::string& issuer : platform.issuers()) report.field("signed by", issuer);
  report.json["not_checked"] = not_checked;
  report.json["passed_over"] = passed_over;
  for (const std::string& line : not_checked) report.field("not checked", line);
  return report;
}

}  // namespace attest::cli
