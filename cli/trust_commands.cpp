// attestctl trust: show, check, sign, policy; and where the trust root is found.
#include <cstdlib>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/passphrase.h"
#include "cli/trust_file.h"
#include "libattest/base/text.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/transparency/witness_policy.h"
#include "libattest/trust/trust_update.h"

namespace attest::cli {

void add_trust_option(Command* verb, std::string& path) {
  verb->add_option("--trust", path,
                   "The trust root; $ATTEST_TRUST or /etc/attest/trust.toml without");
}

Result<TrustRoot> load_trust(const std::string& path) {
  if (!path.empty()) return TrustRoot::read(path);
  if (const char* named = std::getenv("ATTEST_TRUST"); named != nullptr && *named != '\0')
    return TrustRoot::read(named);
  auto installed = TrustRoot::read("/etc/attest/trust.toml");
  if (!installed && installed.error().rule == rules::file_unreadable)
    return fail(std::move(installed.error()).next("name a trust root with --trust FILE"));
  return installed;
}

namespace {

struct TrustOptions {
  std::string path;
  std::string current;
  std::string signatures;
  std::string name;
  std::string key;
  std::string passphrase_file;
  std::string origin;
};

void describe(Report& report, const TrustRoot& trust) {
  report.field("digest", digest_uri(trust.digest()));
  report.field("version",
               std::to_string(trust.version()) + ", until " + to_minutes(trust.expires()));
  report.field("root keys", std::to_string(trust.root_keys().size()) + ", " +
                                std::to_string(trust.threshold()) + " must sign a new version");
  report.json = {{"digest", digest_uri(trust.digest())},
                 {"version", trust.version()},
                 {"expires", to_rfc3339(trust.expires())},
                 {"threshold", trust.threshold()}};
  for (const auto& log : trust.logs()) {
    report.field("log", log.origin + ", " + std::to_string(log.quorum) + " of " +
                            std::to_string(log.witnesses.size()) + " witnesses make time");
    report.json["logs"].push_back(log.origin);
  }
  for (const Issuer& issuer : trust.issuers()) {
    std::string may;
    for (const statement::Kind kind : issuer.may)
      may += (may.empty() ? "" : ", ") + std::string(statement::to_string(kind));
    std::string subjects;
    for (const std::string& pattern : issuer.subjects)
      subjects += (subjects.empty() ? "" : ", ") + pattern;
    report.field("issuer", issuer.name + " may say " + may + " of " + subjects);
    report.json["issuers"].push_back(
        {{"name", issuer.name}, {"key", to_hex(issuer.key.thumbprint())}});
  }
  for (const auto& verifier : trust.verifiers()) {
    report.field("verifier", verifier.name);
    report.json["verifiers"].push_back(verifier.name);
  }
}

Result<Report> show(const TrustOptions& options, Time now) {
  TRY(const TrustRoot trust, load_trust(options.path));
  Report report;
  describe(report, trust);
  if (const Status in_time = trust.check_time(now); !in_time) {
    report.outcome = Outcome::incomplete;
    report.line("incomplete: " + in_time.error().to_string());
  }
  return report;
}

Result<Report> check(const TrustOptions& options, Time now) {
  TRY(const TrustRoot candidate, load_trust(options.path));
  Report report;
  if (options.current.empty()) {
    TRY_VOID(candidate.check_time(now));
    report.line(options.path + " is well-formed and in its time");
    report.line("not checked: who vouches for it. Compare its digest with the one you were given");
  } else {
    TRY(const TrustRoot current, TrustRoot::read(options.current));
    const std::string signatures =
        options.signatures.empty() ? options.path + ".sig" : options.signatures;
    TRY(const Bytes note, read_file(signatures, 1U << 20));
    TRY(const TrustRoot accepted, accept_update(current, candidate, note, now));
    report.line(options.path + " follows version " + std::to_string(current.version()) +
                ", signed as both versions ask");
  }
  describe(report, candidate);
  return report;
}

Result<Report> sign(const TrustOptions& options) {
  TRY(const TrustRoot trust, TrustRoot::read(options.path));
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, open_signing_key(options.key, passphrase));
  const auto type = key->public_key().kind() == KeyKind::ed25519
                        ? transparency::NoteKeyType::ed25519
                        : transparency::NoteKeyType::ecdsa;
  TRY(const auto signer, transparency::NoteSigner::make(options.name, type, *key));
  TRY(std::string note, sign_trust_root(trust, std::span(&signer, 1)));
  const Path path = options.path + ".sig";
  TRY(const bool there, system_files().exists(path));
  if (there) {
    TRY(const std::string earlier, read_text_file(path, 1U << 20));
    const std::string both[] = {earlier, note};
    TRY_WITHIN(path.string(), note, merge_trust_signatures(both));
  }
  TRY_VOID(write_file_atomically(path, as_bytes(note)));
  Report report;
  report.line(path.string() + ": signed version " + std::to_string(trust.version()) + " as " +
              options.name);
  report.json = {{"signatures", path.string()}, {"digest", digest_uri(trust.digest())}};
  return report;
}

Result<Report> policy(const TrustOptions& options) {
  TRY(const TrustRoot trust, load_trust(options.path));
  const std::string origin = options.origin.empty() && trust.logs().size() == 1
                                 ? trust.logs().front().origin
                                 : options.origin;
  TRY(const auto verifiers, trust.log_verifiers(origin));
  Report report;
  report.raw = transparency::format_witness_policy(transparency::policy_of(verifiers));
  report.json["policy"] = report.raw;
  return report;
}

}  // namespace

void add_trust_commands(CommandLine& command_line) {
  Command* group = command_line.group("trust", "The trust root: whom to believe about what");

  auto options = std::make_shared<TrustOptions>();
  Command* verb = command_line.verb(group, "show", "Show whom a trust root believes",
                                    "attestctl trust show --trust trust.toml");
  add_trust_option(verb, options->path);
  command_line.runs(verb,
                    [options](const Context& context) { return show(*options, context.now); });

  options = std::make_shared<TrustOptions>();
  verb = command_line.verb(group, "check", "Check a trust root, or an update of one",
                           "attestctl trust check trust-2.toml --current trust.toml");
  verb->add_option("FILE", options->path, "The trust root to check")->required();
  verb->add_option("--current", options->current, "The version in use, which must allow this one");
  verb->add_option("--signatures", options->signatures, "FILE.sig without");
  command_line.runs(verb,
                    [options](const Context& context) { return check(*options, context.now); });

  options = std::make_shared<TrustOptions>();
  verb = command_line.verb(group, "sign", "Add your signature to FILE.sig",
                           "attestctl trust sign trust.toml --name root-a --key root-a.key");
  verb->add_option("FILE", options->path, "The trust root")->required();
  verb->add_option("--name", options->name, "Your name under [root]")->required();
  verb->add_option("--key", options->key, "Your root key: a file or a pkcs11: URI")->required();
  verb->add_option("--passphrase-file", options->passphrase_file,
                   "Holds the key's passphrase in its first line");
  command_line.runs(verb, [options](const Context&) { return sign(*options); });

  options = std::make_shared<TrustOptions>();
  verb = command_line.verb(group, "policy", "Write a log's witness policy, as C2SP has it",
                           "attestctl trust policy --trust trust.toml > log.policy");
  add_trust_option(verb, options->path);
  verb->add_option("--log", options->origin,
                   "The log's origin; may be left out when there is one log");
  command_line.runs(verb, [options](const Context&) { return policy(*options); });
}

}  // namespace attest::cli
