// attestctl ek verify: an endorsement key's certificate from a file, against roots from a folder.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/tpm/ek.h"

namespace attest::cli {

namespace {

struct EkOptions {
  std::string certificate;
  std::string roots;
  std::string intermediates;
  std::string crls;
  std::string at;
};

// Calls `use` with each regular file of a folder, in the order of their names.
template <typename Use>
Status for_each_file(const std::string& folder, Use use) {
  if (folder.empty()) return {};
  TRY(const auto names, system_files().list(folder));
  for (const std::string& name : names) {
    const Path path = Path(folder) / name;
    if (!std::filesystem::is_regular_file(path)) continue;
    TRY(const Bytes content, read_file(path, 16U << 20));
    TRY_VOID(use(path.string(), content));
  }
  return {};
}

struct PassedOver {
  std::string path;
  std::string why;
};

// Every certificate in a folder's files. A folder of roots holds other files too, and files that no
// strict reader takes: they are passed over, by name and with the reason.
Result<std::vector<Certificate>> certificates_in(const std::string& folder,
                                                 std::vector<PassedOver>& passed_over) {
  std::vector<Certificate> all;
  TRY_VOID(for_each_file(folder, [&](const std::string& path, const Bytes& content) -> Status {
    const auto found = tpm::read_certificates(content);
    if (found)
      all.insert(all.end(), found->begin(), found->end());
    else
      passed_over.push_back({path, found.error().what});
    return {};
  }));
  return all;
}

// CRLs in DER or PEM.
Result<std::vector<Bytes>> crls_in(const std::string& folder) {
  constexpr std::string_view begin = "-----BEGIN X509 CRL-----";
  constexpr std::string_view end = "-----END X509 CRL-----";
  std::vector<Bytes> all;
  TRY_VOID(for_each_file(folder, [&](const std::string& path, const Bytes& content) -> Status {
    const std::string_view text = as_text(content);
    const auto from = text.find(begin);
    if (from == std::string_view::npos) {
      all.push_back(content);
      return {};
    }
    const auto to = text.find(end, from);
    std::string base64;
    for (const char c : text.substr(from + begin.size(), to - from - begin.size()))
      if (c != '\n' && c != '\r') base64.push_back(c);
    TRY_WITHIN(path, Bytes der, from_base64(base64));
    all.push_back(std::move(der));
    return {};
  }));
  return all;
}

void show_facts(const tpm::EkFacts& facts, Report& report) {
  if (!facts.manufacturer.empty())
    report.field("TPM",
                 facts.manufacturer + ", model " + facts.model + ", version " + facts.version);
  if (!facts.specification.empty()) report.field("spec", facts.specification);
  report.json["tpm"] = {{"manufacturer", facts.manufacturer},
                        {"model", facts.model},
                        {"version", facts.version},
                        {"specification", facts.specification},
                        {"security_assertions", facts.security_assertions}};
}

void show_chain(const VerifiedChain& chain, Report& report) {
  report.json["chain"] = OrderedJson::array();
  for (const Certificate& certificate : chain.certificates()) {
    report.field("", certificate.subject().empty()
                         ? "(empty subject) issued by " + certificate.issuer()
                         : certificate.subject());
    report.json["chain"].push_back(
        {{"subject", certificate.subject()}, {"sha256", to_hex(certificate.fingerprint())}});
  }
}

void show_passed_over(const std::vector<PassedOver>& passed_over, Report& report) {
  report.json["passed_over"] = OrderedJson::array();
  for (const PassedOver& each : passed_over) {
    report.field("passed over", each.path + ": " + each.why);
    report.json["passed_over"].push_back(each.path);
  }
}

Result<Report> ek_verify(const EkOptions& options, Time now) {
  TRY(const Bytes content, read_file(options.certificate, 1U << 20));
  tpm::EkRules ek_rules{.at = now, .roots = {}, .intermediates = {}, .crls = {}};
  if (!options.at.empty()) {
    TRY_WITHIN("--at", ek_rules.at, parse_time(options.at));
  }
  std::vector<PassedOver> passed_over;
  TRY(ek_rules.roots, certificates_in(options.roots, passed_over));
  TRY(ek_rules.intermediates, certificates_in(options.intermediates, passed_over));
  TRY(ek_rules.crls, crls_in(options.crls));
  TRY_WITHIN(options.certificate, const auto in_file, tpm::read_certificates(content));
  const Certificate& leaf = in_file.front();
  // A chain in one file, as TPMs keep it in NV: what follows the leaf may help to build the path.
  ek_rules.intermediates.insert(ek_rules.intermediates.end(), in_file.begin() + 1, in_file.end());
  TRY_WITHIN(options.certificate, const VerifiedChain chain,
             tpm::verify_ek_certificate(leaf, ek_rules));
  Report report;
  report.line(options.certificate + " chains to a trusted root");
  show_chain(chain, report);
  TRY(const PublicKey key, leaf.public_key());
  report.field("identity", "ek:" + to_hex(key.thumbprint()));
  report.json["identity"] = "ek:" + to_hex(key.thumbprint());
  report.json["at"] = to_rfc3339(ek_rules.at);
  show_facts(tpm::ek_facts(leaf), report);
  show_passed_over(passed_over, report);
  std::vector<std::string> not_checked{"that a device manifest names this EK"};
  if (ek_rules.crls.empty()) not_checked.emplace_back("revocation: no CRL was given");
  report.json["not_checked"] = not_checked;
  for (const std::string& line : not_checked) report.field("not checked", line);
  return report;
}

}  // namespace

void add_ek_commands(CommandLine& command_line) {
  Command* verb = command_line.verb(
      command_line.group("ek", "TPM endorsement keys"), "verify", "Check an EK certificate",
      "attestctl ek verify ek.der --roots roots/ --intermediates intermediates/");
  auto ek = std::make_shared<EkOptions>();
  verb->add_option("CERT", ek->certificate, "DER, PEM, or as read from TPM NV")->required();
  verb->add_option("--roots", ek->roots, "A folder of trusted roots")->required();
  verb->add_option("--intermediates", ek->intermediates, "A folder of intermediates");
  verb->add_option("--crls", ek->crls, "A folder of CRLs, DER or PEM");
  verb->add_option("--at", ek->at, "The time to check at; now without");
  command_line.runs(verb, [ek](const Context& context) { return ek_verify(*ek, context.now); });
}

}  // namespace attest::cli
