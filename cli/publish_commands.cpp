// attestctl hardware add, reference make, policy sign, key retire and revoke: statements about
// machines, policies and keys, signed here and entered in a ledger.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/text.h"
#include "libattest/crypto/certificate.h"
#include "libattest/evidence/node_id.h"
#include "libattest/reference/reference_values.h"
#include "libattest/tpm/ek.h"
#include "libattest/tpm/event_log.h"

namespace attest::cli {

namespace {

struct ManifestOptions {
  SubmissionOptions submission;
  std::string ek;
  std::string node;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::vector<std::string> components;
};

// The EK's public half: from its certificate (PEM, DER, or as in TPM NV), or a bare key.
Result<PublicKey> read_ek(const std::string& path) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  if (auto key = PublicKey::from_der_or_pem(content)) return key;
  TRY_WITHIN(path, const Certificate certificate, tpm::certificate_from_nv(content));
  return certificate.public_key();
}

// "gpu:NVIDIA:H100:1652922000123", every part but the class may be empty.
Result<statement::DeviceManifest::Component> parse_component(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() != 4 || parts[0].empty())
    return fail(
        usage_error("--component takes CLASS:MANUFACTURER:MODEL:SERIAL, not \"" + text + "\""));
  return statement::DeviceManifest::Component{std::string(parts[0]), std::string(parts[1]),
                                              std::string(parts[2]), std::string(parts[3])};
}

Result<Report> hardware_add(const ManifestOptions& options, Time now) {
  TRY(const PublicKey ek, read_ek(options.ek));
  statement::DeviceManifest manifest;
  manifest.ek = ek.thumbprint();
  if (!options.node.empty()) manifest.node = options.node;
  manifest.manufacturer = options.manufacturer;
  manifest.model = options.model;
  manifest.serial = options.serial;
  for (const std::string& text : options.components) {
    TRY(auto component, parse_component(text));
    manifest.components.push_back(std::move(component));
  }
  return submit(options.submission, statement::Kind::device_manifest,
                statement::Subject::ek(ek.thumbprint()), statement::encode(manifest), now);
}

struct ReferenceOptions {
  SubmissionOptions submission;
  std::string event_log;
  std::string platform;
  std::string description;
  std::vector<unsigned> pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
};

// The PCRs a known-good log leads to, and the digests of its events so that a later difference can
// be named.
reference::ReferenceValues values_of(const tpm::UntrustedEventLog& log,
                                     const ReferenceOptions& options) {
  reference::ReferenceValues values;
  values.id = options.platform + "/" + to_hex(sha256(log.bytes())).substr(0, 16);
  values.platform = options.platform;
  values.description = options.description;
  const auto wanted = [&](unsigned pcr) {
    return std::ranges::find(options.pcrs, pcr) != options.pcrs.end();
  };
  const tpm::PcrValues replayed = tpm::replay(log);
  for (const auto& [bank, registers] : replayed.banks()) {
    if (bank == HashAlgorithm::sha1) continue;
    for (const auto& [index, value] : registers)
      if (wanted(index)) values.pcrs[bank][index] = {{value, options.description}};
    for (const tpm::Event& event : log.events())
      if (event.extends() && wanted(event.pcr) && !event.digest(bank).empty())
        values.events[bank][event.pcr].push_back(
            {to_bytes(event.digest(bank)), tpm::describe(event)});
  }
  return values;
}

Result<Report> reference_make(const ReferenceOptions& options, Time now) {
  TRY(const Bytes content, read_file(options.event_log));
  TRY_WITHIN(options.event_log, const auto log, tpm::parse_event_log(content));
  const reference::ReferenceValues values = values_of(log, options);
  if (values.pcrs.empty())
    return fail(refused(rules::reference_digest,
                        "the event log has no bank that reference values can be made of")
                    .expected("SHA-256, SHA-384 or SHA-512 digests")
                    .within(options.event_log));
  TRY(const Bytes corim, reference::encode_reference_values(values));
  TRY(const auto subject, statement::Subject::platform(options.platform));
  TRY(Report report,
      submit(options.submission, statement::Kind::reference_values, subject, corim, now));
  for (const auto& [bank, registers] : values.pcrs)
    for (const auto& [index, digests] : registers) {
      report.field(std::string(hash_name(bank)) + " " + std::to_string(index),
                   to_hex(digests.front().digest));
      report.json["pcrs"][std::string(hash_name(bank))][std::to_string(index)] =
          to_hex(digests.front().digest);
    }
  return report;
}

struct PolicyOptions {
  SubmissionOptions submission;
  std::string file;
  std::string name;
};

Result<Report> policy_sign(const PolicyOptions& options, Time now) {
  TRY(const std::string text, read_text_file(options.file, statement::max_statement_size));
  TRY(const auto subject, statement::Subject::policy(options.name));
  return submit(options.submission, statement::Kind::policy, subject, as_bytes(text), now);
}

struct KeyStatusOptions {
  SubmissionOptions submission;
  std::string subject;
  std::uint64_t from_index = 0;
  std::string reason;
};

Result<Report> key_status(const KeyStatusOptions& options, statement::KeyStatus::Status status,
                          Time now) {
  TRY(const auto subject, statement::Subject::parse(options.subject));
  return submit(options.submission, statement::Kind::key_status, subject,
                statement::encode(statement::KeyStatus{status, options.from_index, options.reason}),
                now);
}

}  // namespace

void add_publish_commands(CommandLine& command_line, CLI::App* key_group) {
  CLI::App* verb = command_line.verb(
      command_line.group("hardware", "Device manifests"), "add",
      "Enter a device manifest: which TPM is in which machine",
      "attestctl hardware add --ek ek.pem --manufacturer Example --model R7 --serial 0815 \\\n"
      "    --issuer integrator@dc1.example --key integrator.key --server https://127.0.0.1:8443");
  auto manifest = std::make_shared<ManifestOptions>();
  verb->add_option("--ek", manifest->ek, "The EK's certificate or public key")->required();
  verb->add_option("--node", manifest->node, "The node id, where it is fixed");
  verb->add_option("--manufacturer", manifest->manufacturer, "Of the machine")->required();
  verb->add_option("--model", manifest->model, "Of the machine")->required();
  verb->add_option("--serial", manifest->serial, "Of the machine")->required();
  verb->add_option("--component", manifest->components,
                   "CLASS:MANUFACTURER:MODEL:SERIAL, may be repeated");
  add_submission_options(verb, manifest->submission);
  command_line.runs(
      verb, [manifest](const Context& context) { return hardware_add(*manifest, context.now); });

  verb = command_line.verb(
      command_line.group("reference", "Reference values"), "make",
      "Turn a known-good boot into reference values",
      "attestctl reference make --event-log good.bin --platform r7 --description \"debian 12.15\" "
      "\\\n"
      "    --issuer owner@dc1.example --key owner.key --server https://127.0.0.1:8443");
  auto reference = std::make_shared<ReferenceOptions>();
  verb->add_option("--event-log", reference->event_log, "The event log of a boot known to be good")
      ->required();
  verb->add_option("--platform", reference->platform, "The class of machines these values are for")
      ->required();
  verb->add_option("--description", reference->description, "What people know this boot by")
      ->required();
  verb->add_option("--pcrs", reference->pcrs, "Which PCRs; 0 to 7 without")->delimiter(',');
  add_submission_options(verb, reference->submission);
  command_line.runs(verb, [reference](const Context& context) {
    return reference_make(*reference, context.now);
  });

  verb = command_line.verb(
      command_line.group("policy", "Appraisal policies"), "sign", "Sign a policy and enter it",
      "attestctl policy sign node-policy.toml --name node --issuer admin@dc1.example \\\n"
      "    --key admin.key --server https://127.0.0.1:8443");
  auto policy = std::make_shared<PolicyOptions>();
  verb->add_option("FILE", policy->file, "The policy (TOML)")->required();
  verb->add_option("--name", policy->name, "The policy's name in the ledger")->required();
  add_submission_options(verb, policy->submission);
  command_line.runs(verb,
                    [policy](const Context& context) { return policy_sign(*policy, context.now); });

  for (const auto& [name, status, what] :
       {std::tuple("retire", statement::KeyStatus::Status::retired,
                   "Say that a key signs no more from an entry on"),
        std::tuple("revoke", statement::KeyStatus::Status::revoked,
                   "Say that a key is not to be believed from an entry on")}) {
    verb = command_line.verb(key_group, name, what,
                             std::string("attestctl key ") + name +
                                 " key:5e0c… --from 118 --reason \"laptop stolen\" --issuer "
                                 "root@dc1.example --key root.key \\\n"
                                 "    --server https://127.0.0.1:8443");
    auto options = std::make_shared<KeyStatusOptions>();
    verb->add_option("KEY", options->subject, "The key's subject, key:<thumbprint>")->required();
    verb->add_option("--from", options->from_index,
                     "The ledger index from which on it does not count")
        ->required();
    verb->add_option("--reason", options->reason, "Why, in words")->required();
    add_submission_options(verb, options->submission);
    const statement::KeyStatus::Status said = status;
    command_line.runs(verb, [options, said](const Context& context) {
      return key_status(*options, said, context.now);
    });
  }
}

}  // namespace attest::cli
